import { open, type FileHandle } from 'node:fs/promises'

/** EXIF orientation (TIFF tag 0x0112) → the filter that makes the picture upright. */
const UPRIGHT: Record<number, string> = {
  2: 'hflip',
  3: 'hflip,vflip',
  4: 'vflip',
  5: 'transpose=0',
  6: 'transpose=1',
  7: 'transpose=3',
  8: 'transpose=2',
}
/** Quarter turns against the clock, as AVIF and HEIF have them, as an EXIF orientation. */
const TURNED = [1, 8, 3, 6]

const HEAD_BYTES = 256 << 10
/** A photo of a phone as PNG has some thousands. */
const MAX_CHUNKS = 20_000

/** Reads bytes from a place on; fewer where the file ends. */
type Reader = (at: number, bytes: number) => Promise<Buffer>

/**
 * The filter for a photo that was taken with the camera turned; undefined where there is nothing to
 * do. Which stills ffmpeg turns by itself depends on its version and on the format (5.1 turns JPEG), so
 * that is switched off and done here.
 * Reads JPEG's APP1 in the first 256 KB, PNG's eXIf and WebP's EXIF wherever they are, TIFF's own tag, and
 * the `irot` of AVIF and HEIF, which is what counts there.
 */
export async function exifFilter(file: string): Promise<string | undefined> {
  await using handle = await open(file)
  const read = readerOf(handle)
  const head = await read(0, HEAD_BYTES)
  if (head.length < 16) return undefined
  const found = isHeif(head) ? heifOrientation(head) : await exifOrientation(head, read)
  return UPRIGHT[found]
}

const readerOf =
  (handle: FileHandle): Reader =>
  async (at, bytes) => {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, at)
    return buffer.subarray(0, bytesRead)
  }

const isHeif = (head: Buffer): boolean =>
  head.toString('latin1', 4, 8) === 'ftyp' &&
  /^(avi[fs]|hei[cx]|mif1)/.test(head.toString('latin1', 8, 12))

function heifOrientation(head: Buffer): number {
  const at = head.indexOf('irot', 0, 'latin1')
  return at < 0 ? 1 : TURNED[(head[at + 4] ?? 0) & 3]!
}

async function exifOrientation(head: Buffer, read: Reader): Promise<number> {
  const at = await findTiff(head, read)
  return at === undefined ? 1 : orientation((from, bytes) => read(at + from, bytes))
}

/** Where the TIFF begins that EXIF is. */
async function findTiff(head: Buffer, read: Reader): Promise<number | undefined> {
  if (head[0] === 0xff && head[1] === 0xd8) {
    const at = head.indexOf('Exif\0\0', 0, 'latin1')
    return at < 0 ? undefined : at + 6
  }
  const mark = head.toString('latin1', 0, 4)
  if (mark === 'II\x2a\0' || mark === 'MM\0\x2a') return 0
  if (mark === '\x89PNG') {
    return findChunk(read, 8, 'eXIf', (chunk) => [4, chunk.readUInt32BE(0), 4])
  }
  if (head.toString('latin1', 8, 12) === 'WEBP') {
    const at = await findChunk(read, 12, 'EXIF', (chunk) => [0, evenOf(chunk.readUInt32LE(4)), 0])
    if (at === undefined) return undefined
    return (await read(at, 4)).toString('latin1') === 'Exif' ? at + 6 : at
  }
  return undefined
}

const evenOf = (bytes: number): number => bytes + (bytes & 1)

/**
 * Where the content of a chunk begins: behind eight bytes, which are its size and its name.
 * @param layout where the name is, how large the content is, and what follows that
 */
async function findChunk(
  read: Reader,
  first: number,
  name: string,
  layout: (chunk: Buffer) => [name: number, size: number, after: number],
): Promise<number | undefined> {
  for (let at = first, count = 0; count < MAX_CHUNKS; count++) {
    const chunk = await read(at, 8)
    if (chunk.length < 8) return undefined
    const [nameAt, size, after] = layout(chunk)
    if (chunk.toString('latin1', nameAt, nameAt + 4) === name) return at + 8
    at += 8 + size + after
  }
  return undefined
}

/** @param read from the beginning of the TIFF on */
async function orientation(read: Reader): Promise<number> {
  const tiff = await read(0, 8)
  if (tiff.length < 8) return 1
  const little = tiff.toString('latin1', 0, 2) === 'II'
  const u16 = (bytes: Buffer, at: number) =>
    little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
  const at = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  if (u16(tiff, 2) !== 42) return 1
  const counted = await read(at, 2)
  if (counted.length < 2) return 1
  const entries = await read(at + 2, u16(counted, 0) * 12)
  for (let entry = 0; entry + 12 <= entries.length; entry += 12) {
    if (u16(entries, entry) === 0x0112) return u16(entries, entry + 8)
  }
  return 1
}
