import { fileURLToPath } from 'node:url'
import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import { ffmpeg } from './media.ts'

const PORTRAIT = fileURLToPath(new URL('../../../demo/portrait.png', import.meta.url))

/** The portrait of the demo at 256x256, which renders fast. */
export async function smallPortrait({ path }: Ffmpeg, file: string): Promise<string> {
  await ffmpeg(path, ['-v', 'error', '-i', PORTRAIT, '-vf', 'scale=256:256', file])
  return file
}

/** A video of it, its head swaying slowly. */
export async function swayingPortrait(
  { path }: Ffmpeg,
  file: string,
  { seconds, fps }: { seconds: number; fps: number },
): Promise<string> {
  const picture = ['-loop', '1', '-r', `${fps}`, '-t', `${seconds}`, '-i', PORTRAIT]
  const filter = 'scale=256:256,rotate=0.03*sin(0.7*t)'
  const encode = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p']
  await ffmpeg(path, ['-v', 'error', ...picture, '-vf', filter, ...encode, file])
  return file
}
