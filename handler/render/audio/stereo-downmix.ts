import { SAMPLE_RATE } from './feature-windows.ts'

const BLOCK = SAMPLE_RATE / 10 // 0.1 s
/** How much of what was heard before counts in the next block: about a quarter of a second. */
const MEMORY = 0.6
/** Correlation below which both channels would cancel one another, and above which they no longer do. */
const OPPOSED = -0.5
const TOGETHER = -0.2
const SILENCE = 1e-9 // energy of a block

/**
 * The mean of both channels, except where one is the other turned over (a wrongly wired cable, a
 * widened voice): who listens to both hears the voice well, and their mean is silence. There the right
 * one is turned over once more, in the course of a tenth of a second, so that it makes no click.
 *
 * @param samples interleaved, left first, in pieces of any length
 */
export async function* mixToMono(
  samples: AsyncIterable<Float32Array>,
): AsyncGenerator<Float32Array> {
  const mix = createMixer()
  const block = new Float32Array(2 * BLOCK)
  let filled = 0
  for await (const heard of samples) {
    for (let at = 0; at < heard.length;) {
      const taken = heard.subarray(at, at + block.length - filled)
      block.set(taken, filled)
      at += taken.length
      filled += taken.length
      if (filled < block.length) continue
      yield mix(block)
      filled = 0
    }
  }
  if (filled > 1) yield mix(block.subarray(0, filled & ~1))
}

/** What turns a block of both channels into one, with what it heard before in mind. */
function createMixer() {
  let [product, left, right] = [0, 0, 0] // of what was heard lately
  let sign: number | undefined // of the right channel; anything before the first sound
  return (block: Float32Array): Float32Array => {
    ;[product, left, right] = [product * MEMORY, left * MEMORY, right * MEMORY]
    for (let i = 0; i < block.length; i += 2) {
      product += block[i]! * block[i + 1]!
      left += block[i]! * block[i]!
      right += block[i + 1]! * block[i + 1]!
    }
    const loud = left * right > SILENCE * SILENCE
    const correlation = loud ? product / Math.sqrt(left * right) : 0
    const wanted = correlation < OPPOSED ? -1 : correlation > TOGETHER ? 1 : (sign ?? 1)
    const before = sign ?? wanted
    if (loud) sign = wanted
    return blend(block, before, loud ? wanted : before)
  }
}

/** (left + g * right) / 2, g going from one value to the other. */
function blend(block: Float32Array, from: number, to: number): Float32Array {
  const mono = new Float32Array(block.length / 2)
  for (let i = 0; i < mono.length; i++) {
    const gain = to + ((from - to) * (mono.length - i)) / mono.length
    mono[i] = (block[2 * i]! + gain * block[2 * i + 1]!) / 2
  }
  return mono
}
