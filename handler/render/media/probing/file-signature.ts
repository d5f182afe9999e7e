import { open } from 'node:fs/promises'

const HEAD_BYTES = 4096

/** The first bytes of a file, none of an empty one; and how many it has. */
export async function readHead(file: string): Promise<{ head: Buffer; size: number }> {
  await using handle = await open(file)
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
  return { head: buffer.subarray(0, bytesRead), size: (await handle.stat()).size }
}

const ASCII = (head: Buffer, from: number, to: number) => head.toString('latin1', from, to)
const brand = (head: Buffer) => (ASCII(head, 4, 8) === 'ftyp' ? ASCII(head, 8, 12) : '')
const text = (head: Buffer) =>
  ASCII(head, 0, 1024)
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
const starts = (start: string) => (head: Buffer) => ASCII(head, 0, start.length) === start
const isWebp = (head: Buffer) => starts('RIFF')(head) && ASCII(head, 8, 12) === 'WEBP'

/** Whole files of other kinds, by their own marks; the first that fits says what a file is. */
const KINDS: readonly (readonly [what: string, fits: (head: Buffer) => boolean])[] = [
  ['a PDF document', starts('%PDF')],
  ['a ZIP archive, or an office document', starts('PK\x03\x04')],
  ['a gzip archive', starts('\x1f\x8b')],
  ['a 7z archive', starts('7z\xbc\xaf\x27\x1c')],
  ['a RAR archive', starts('Rar!')],
  ['an xz archive', starts('\xfd7zXZ')],
  ['a bzip2 archive', starts('BZh')],
  ['an old office document', starts('\xd0\xcf\x11\xe0')],
  ['a HEIC photo', (head) => /^(hei[cxsm]|hev[cx]|mif1|msf1)/.test(brand(head))],
  ['an AVIF picture', (head) => /^avi[fs]/.test(brand(head))],
  ['a JPEG XL picture', (head) => starts('\xff\x0a')(head) || ASCII(head, 4, 8) === 'JXL '],
  ['an animated WebP', (head) => isWebp(head) && head.includes('ANIM')],
  ['a Photoshop picture', starts('8BPS')],
  [
    'a camera raw picture',
    (head) => starts('II\x2a\0\x10\0\0\0CR')(head) || brand(head) === 'crx ',
  ],
  ['a RealMedia file', starts('.RMF')],
  ['a MIDI file: notes, no sound', starts('MThd')],
  ['an HLS playlist', (head) => text(head).startsWith('#EXTM3U')],
  ['a DASH manifest', (head) => /^(<\?xml[^>]*>\s*)?(<!--[^]*?-->\s*)*<MPD[\s>]/.test(text(head))],
  [
    'an SVG drawing',
    (head) => /^(<\?xml[^>]*>\s*)?(<!(--|DOCTYPE svg)[^>]*>\s*)*<svg[\s>]/.test(text(head)),
  ],
  [
    'a web page',
    (head) => /^(<!--[^]*?-->\s*)*<(!doctype html|html|head|body)[\s>]/i.test(text(head)),
  ],
  ['XML', (head) => text(head).startsWith('<?xml')],
  ['JSON', (head) => /^[[{]\s*["\]}[{]/.test(text(head))],
  ['a program', (head) => starts('\x7fELF')(head) || starts('MZ')(head)],
  [
    'text',
    (head) =>
      head.length > 0 &&
      !/[^\t\n\r\f\x20-\x7e\x80-\xff]/.test(ASCII(head, 0, HEAD_BYTES)) &&
      isUtf8(head),
  ],
]

/** Up to a character that the end of the head cuts. */
function isUtf8(head: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
    return true
  } catch {
    return false
  }
}

/** What a file is that is no video and no recording that we take: `a PDF document`. */
export const describeFile = (head: Buffer): string | undefined =>
  KINDS.find(([, fits]) => fits(head))?.[0]
