const MAX_HEADER = 256 // characters; a media type with its parameters
const HEADER = /^data:[\w.+-]*\/?[\w.+-]*(;[\w.+-]+=("[^"]*"|[^;,"]*))*;base64$/i

/**
 * The bytes of a `data:` URL (RFC 2397) in base64, of either alphabet; white space plays no part.
 * @returns what is wrong with it in words, as the end of a sentence, where it holds none
 */
export function decodeDataUrl(url: string): Buffer | string {
  const comma = url.slice(0, MAX_HEADER).indexOf(',')
  if (comma < 0 || !HEADER.test(url.slice(0, comma))) {
    return 'must be a data: URL as data:<media type>;base64,<content>'
  }
  return decodeBase64(url.slice(comma + 1)) ?? 'has a content that is not base64'
}

/** What a job's `video_base64` says, as the `data:` URL that says the same. */
export const toDataUrl = (base64: string): string =>
  base64.startsWith('data:') ? base64 : `data:application/octet-stream;base64,${base64}`

function decodeBase64(text: string): Buffer | undefined {
  // Node's decoder skips what it does not know, so its result is shorter then.
  const plain = /\s/.test(text.slice(0, 200)) ? text.replace(/\s+/g, '') : text.trimEnd()
  const digits = plain.length - (plain.endsWith('==') ? 2 : plain.endsWith('=') ? 1 : 0)
  const bytes = Buffer.from(plain, 'base64')
  return digits % 4 !== 1 && digits > 0 && bytes.length === Math.floor((digits * 3) / 4)
    ? bytes
    : undefined
}
