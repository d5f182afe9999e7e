/** What is taken for media most often and is none, by how it begins. */
const DOCUMENTS: [RegExp, string][] = [
  [/^(?:<!--[^]*?-->\s*)*<(?:!doctype html|html|head|body|script|meta|title)\b/i, 'a web page'],
  [/^<(?:\?xml|error\b)/i, 'an XML document'],
  [/^[[{][\s\x20-\x7e]*$/, 'a JSON text'],
  [/^version https:\/\/git-lfs\./, 'a pointer of Git LFS'],
  [/^%PDF-/, 'a PDF'],
  [/^PK\x03\x04/, 'a ZIP archive'],
]
/** So much of a file shows what it is. */
export const DOCUMENT_START_BYTES = 1024

/**
 * What a file is that nobody can play, in words: a link to the page of a file, a refusal that was sent
 * as if it were the file. Undefined for whatever may be media.
 * @param start the first bytes
 */
export function documentTypeOf(start: Uint8Array): string | undefined {
  const text = Buffer.from(start)
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
  return DOCUMENTS.find(([begins]) => begins.test(text))?.[1]
}
