import { expect, test } from 'vitest'
import { mixToMono } from '../../../handler/render/audio/stereo-downmix.ts'

const RATE = 16_000
const voice = (i: number) => 0.5 * Math.sin(i / 7) * Math.sin(i / 900)
const rms = (samples: Float32Array) =>
  Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length)

/** Both channels of some seconds, handed over in pieces of an odd length. */
async function mixed(seconds: number, channels: (i: number) => [number, number]) {
  const both = Float32Array.from({ length: 2 * RATE * seconds }, (_, i) => channels(i >> 1)[i & 1]!)
  async function* pieces() {
    for (let at = 0; at < both.length; at += 777) yield both.subarray(at, at + 777)
  }
  const parts: Float32Array[] = []
  for await (const part of mixToMono(pieces())) parts.push(part)
  return Float32Array.from(parts.flatMap((part) => [...part]))
}

test('what both channels share is their mean, sample for sample', async () => {
  const mono = await mixed(1.05, (i) => [voice(i), 0.5 * voice(i)])
  expect(mono).toHaveLength(1.05 * RATE)
  expect(mono.every((value, i) => Math.abs(value - 0.75 * voice(i)) < 1e-6)).toBe(true)
})
test('a channel that is the other turned over does not silence it, from the first sample on', async () => {
  const mono = await mixed(1, (i) => [voice(i), -voice(i)])
  expect(mono.every((value, i) => Math.abs(value - voice(i)) < 1e-6)).toBe(true)
})
test('one that is so only later, and no more in the end', async () => {
  const turned = (i: number) => i > RATE && i < 3 * RATE
  const mono = await mixed(4, (i) => [voice(i), turned(i) ? -voice(i) : voice(i)])
  for (const at of [0.2, 1.6, 2.5, 3.7]) {
    const part = mono.subarray(at * RATE, (at + 0.2) * RATE)
    const own = Float32Array.from(part, (_, i) => voice(at * RATE + i))
    expect(rms(part) / rms(own)).toBeGreaterThan(0.95)
  }
  const ofSource = (i: number) => i === RATE + 1 || i === 3 * RATE
  const steps = mono.map((value, i) => (ofSource(i) ? 0 : Math.abs(value - (mono[i - 1] ?? value))))
  expect(steps.reduce((most, step) => Math.max(most, step))).toBeLessThan(0.08) // no click
})
test('channels that have nothing in common, one that is silent, and silence stay their mean', async () => {
  const noise = (i: number) => Math.sin(i * i)
  expect(rms(await mixed(1, (i) => [voice(i), noise(i)]))).toBeGreaterThan(0.3)
  const one = await mixed(1, (i) => [voice(i), 0])
  expect(one.every((value, i) => Math.abs(value - voice(i) / 2) < 1e-6)).toBe(true)
  expect(rms(await mixed(1, () => [0, 0]))).toBe(0)
})
