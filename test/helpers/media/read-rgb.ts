import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import { image, type Box, type Image } from '../../../models/pixels/image.ts'
import { ffmpeg } from './media.ts'

/** The frames of a lossless video as RGB, each once. */
export async function readRgb({ path }: Ffmpeg, file: string): Promise<Image[]> {
  const decode = ['-i', file, '-map', '0:v:0', '-fps_mode', 'passthrough', '-f', 'rawvideo']
  const { stdout, stderr } = await ffmpeg(path, [...decode, '-pix_fmt', 'rgb24', 'pipe:1'])
  const size = /Video: rawvideo.*?, (\d+)x(\d+)/.exec(stderr)
  const [width, height] = [Number(size![1]), Number(size![2])]
  const bytes = width * height * 3
  return Array.from({ length: stdout.length / bytes }, (_, i) =>
    image(width, height, 3, new Uint8Array(stdout.subarray(i * bytes, (i + 1) * bytes))),
  )
}

/** How many bytes of two pictures differ outside a box; everywhere where none is given. */
export function differing(a: Image, b: Image, box: Box = [0, 0, 0, 0]): number {
  if (a.width !== b.width || a.height !== b.height) return Infinity
  let count = 0
  for (let y = 0, i = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const inside = x >= box[0] && x < box[2] && y >= box[1] && y < box[3]
      for (let c = 0; c < 3; c++, i++) if (!inside && a.data[i] !== b.data[i]) count++
    }
  }
  return count
}
