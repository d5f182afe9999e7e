import { fps, type Rate } from '../media/media-info.ts'

export const SAMPLE_RATE = 16_000 // Hz
export const FEATURES_PER_S = 50 // one speech state per 20 ms
export const WINDOW = 10 // states a frame hears, 200 ms

/** Which states each output frame hears. */
export interface WindowLayout {
  /** Output frames, at least 1. */
  frames: number
  /** Speech states that exist; what the network says beyond them is padding. */
  states: number
  /** First state of frame i's window; negative and too late ones are zeros. */
  start(i: number): number
}

/**
 * Frame i is centered on its own time at any frame rate: two states in the middle are the frame
 * itself, four lie before it. At 25 fps this is what MuseTalk was trained with.
 */
export function audioWindows(samples: number, rate: Rate): WindowLayout {
  const { num, den } = rate
  return {
    frames: Math.max(1, Math.floor((samples * num) / (SAMPLE_RATE * den))),
    states: Math.floor((samples * FEATURES_PER_S) / SAMPLE_RATE),
    start: (i) => Math.floor((i * FEATURES_PER_S * den) / num) - 4,
  }
}

/**
 * MuseTalk's own rule, for parity: whole frame rates, and a left padding that grows below 25 fps
 * (so the mouth moves early there). It cannot serve rates whose last window comes out short.
 *
 * @see MuseTalk musetalk/utils/audio_processor.py get_whisper_chunk
 * @throws RangeError where the reference exits
 */
export function referenceWindows(samples: number, rate: Rate): WindowLayout {
  const wholeFps = Math.trunc(fps(rate))
  const step = FEATURES_PER_S / wholeFps // rounded first: at 29 fps frame 145 starts one state early
  const frames = Math.floor((samples / SAMPLE_RATE) * wholeFps)
  const states = Math.floor((samples / SAMPLE_RATE) * FEATURES_PER_S)
  const pad = Math.ceil(step)
  // The zero blocks are cut from the states, so they come out short when the sound is.
  const left = Math.min(pad * 2, states)
  const right = Math.min(pad * 6, states)
  const start = (i: number) => Math.floor(i * step)
  if (frames < 1 || start(frames - 1) + WINDOW > left + states + right) {
    const given = `${wholeFps} fps and ${(samples / SAMPLE_RATE).toFixed(2)} s of sound`
    throw new RangeError(`the reference rule has no full window at ${given}`)
  }
  return { frames, states, start: (i) => start(i) - left }
}
