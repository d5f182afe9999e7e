import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import { ffmpeg, makeSound } from './media.ts'

const RATE = 8000
const WINDOW = RATE / 200 // 5 ms

/** A recording with a beep of 50 ms at each half second; `filter` may take parts of it away. */
export const makeBeeps = (
  tools: Ffmpeg,
  file: string,
  seconds: number,
  options: readonly string[] = [],
): Promise<string> =>
  makeSound(
    tools,
    file,
    seconds,
    options,
    `aevalsrc='if(lt(mod(t,0.5),0.05),0.7*sin(6283*t),0)':d=${seconds}:s=48000`,
  )

/** When the beeps of a file begin, seconds, as a player plays it. */
export async function beepTimes({ path }: Ffmpeg, file: string): Promise<number[]> {
  const decode = ['-v', 'error', '-i', file, '-ac', '1', '-ar', String(RATE), '-f', 's16le']
  const { stdout } = await ffmpeg(path, [...decode, 'pipe:1'])
  const times: number[] = []
  let quiet = true
  for (let at = 0; at + 2 * WINDOW <= stdout.length; at += 2 * WINDOW) {
    let peak = 0
    for (let i = at; i < at + 2 * WINDOW; i += 2) {
      peak = Math.max(peak, Math.abs(stdout.readInt16LE(i)))
    }
    if (peak > 3000 && quiet) times.push(at / 2 / RATE)
    quiet = peak <= 3000
  }
  return times
}
