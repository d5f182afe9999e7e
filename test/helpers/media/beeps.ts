import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import { ffmpeg, makeSound } from './media.ts'

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

/** A recording with a beep at each of some times. */
export const makeBeepsAt = (
  tools: Ffmpeg,
  file: string,
  seconds: number,
  { at, hz, lastS }: { at: readonly number[]; hz: number; lastS: number },
): Promise<string> => {
  const inBeep = at.map((time) => `between(t,${time},${time + lastS})`).join('+')
  const source = `aevalsrc='if(${inBeep},0.5*sin(2*PI*${hz}*t),0)':d=${seconds}:s=48000`
  return makeSound(tools, file, seconds, [], source)
}

const RATE = 16_000
const STEP = RATE / 200 // 5 ms
const QUIET = 0.04 // of the largest sample that there can be

/**
 * When the beeps of a file begin, seconds, as a player plays it.
 *
 * @param pitches Hz; beeps of others are not heard
 * @returns those of each pitch
 */
export async function beepsOf(
  { path }: Ffmpeg,
  file: string,
  pitches: readonly number[],
): Promise<number[][]> {
  const decode = ['-v', 'error', '-i', file, '-af', 'aresample=async=1:first_pts=0', '-ac', '1']
  const output = ['-ar', String(RATE), '-f', 'f32le', 'pipe:1']
  const { stdout } = await ffmpeg(path, [...decode, ...output])
  const heard = new Float32Array(Uint8Array.from(stdout).buffer)
  return pitches.map((hz) => {
    const times: number[] = []
    let isQuiet = true
    for (let at = 0; at + 2 * STEP <= heard.length; at += STEP) {
      const isLoud = level(heard.subarray(at, at + 2 * STEP), hz) > QUIET
      if (isLoud && isQuiet) times.push((at + STEP) / RATE)
      isQuiet = !isLoud
    }
    return times
  })
}

function level(heard: Float32Array, hz: number): number {
  let [re, im] = [0, 0]
  heard.forEach((value, i) => {
    re += value * Math.cos((2 * Math.PI * hz * i) / RATE)
    im += value * Math.sin((2 * Math.PI * hz * i) / RATE)
  })
  return (2 * Math.hypot(re, im)) / heard.length
}

/** When the beeps of `makeBeeps` begin in a file. */
export const beepTimes = async (tools: Ffmpeg, file: string): Promise<number[]> =>
  (await beepsOf(tools, file, [1000]))[0]!
