import { open } from 'node:fs/promises'

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

/**
 * The filter for a photo that was taken with the camera turned; undefined where there is nothing to
 * do. Which stills ffmpeg turns by itself depends on its version and on the format (5.1 turns JPEG), so
 * that is switched off and done here.
 * Reads the first 256 KB: JPEG APP1, PNG eXIf, WebP EXIF.
 */
export async function exifFilter(file: string): Promise<string | undefined> {
  await using handle = await open(file)
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(256 << 10), 0, 256 << 10, 0)
  const head = buffer.subarray(0, bytesRead)
  const tiff = findTiff(head)
  return tiff && UPRIGHT[orientation(tiff)]
}

function findTiff(head: Buffer): Buffer | undefined {
  if (head.length < 16) return undefined
  if (head[0] === 0xff && head[1] === 0xd8) return after(head, 'Exif\0\0', 6)
  if (head.toString('latin1', 1, 4) === 'PNG') return after(head, 'eXIf', 4)
  if (head.toString('latin1', 8, 12) === 'WEBP') {
    const chunk = after(head, 'EXIF', 8)
    return chunk?.toString('latin1', 0, 4) === 'Exif' ? chunk.subarray(6) : chunk
  }
  return undefined
}

function after(head: Buffer, mark: string, skip: number): Buffer | undefined {
  const at = head.indexOf(mark, 0, 'latin1')
  return at < 0 ? undefined : head.subarray(at + skip)
}

function orientation(tiff: Buffer): number {
  const little = tiff.toString('latin1', 0, 2) === 'II'
  const u16 = (at: number) => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const u32 = (at: number) => (little ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  if (tiff.length < 14 || u16(2) !== 42) return 1
  const directory = u32(4)
  if (directory + 2 > tiff.length) return 1
  const count = u16(directory)
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + i * 12
    if (entry + 12 > tiff.length) return 1
    if (u16(entry) === 0x0112) return u16(entry + 8)
  }
  return 1
}
