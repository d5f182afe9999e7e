import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { parseFps } from '../../../handler/render/media/frame-rate.ts'
import { type Rate } from '../../../handler/render/media/media-info.ts'
import {
  referenceWindows,
  WINDOW,
  audioWindows,
  type WindowLayout,
} from '../../../handler/render/audio/feature-windows.ts'
import { golden } from '../../helpers/fixture-paths.ts'
import { shortlist } from '../../helpers/shortlist.ts'

interface Case {
  fps: number
  samples: number
  seconds: number
  T?: number
  tokens?: number
  left_zeros?: number
  start_crc32_int32?: string
  start_first?: number[]
}
const { cases } = JSON.parse(readFileSync(golden('audio/windows.json'), 'utf8')) as {
  cases: Case[]
}

describe("MuseTalk's own rule, every case of the reference", () => {
  test('there are 84 of them', () => expect(cases).toHaveLength(84))
  test.each(cases)('$fps fps, $seconds s', ({ fps, samples, ...expected }) => {
    const rate = parseFps(fps)
    if (expected.start_crc32_int32 === undefined) {
      expect(() => referenceWindows(samples, rate)).toThrow(RangeError) // there the reference exits
      return
    }
    const found = referenceWindows(samples, rate)
    expect(found.frames).toBe(expected.T)
    expect(found.states).toBe(expected.tokens)
    const starts = Int32Array.from({ length: found.frames }, (_, i) => {
      return found.start(i) + expected.left_zeros!
    })
    expect([...starts.slice(0, 12)]).toEqual(expected.start_first)
    const sum = crc32(new Uint8Array(starts.buffer)).toString(16).padStart(8, '0')
    expect(sum).toBe(expected.start_crc32_int32)
  })
})

/** The prompts [T, 50, 384] of the state `1 + 5 token + layer + channel / 1024`, as float32 bytes. */
function fakePrompts(found: WindowLayout): Buffer {
  const data = new Float32Array(found.frames * WINDOW * 5 * 384)
  let at = 0
  for (let i = 0; i < found.frames; i++) {
    for (let t = 0; t < WINDOW; t++) {
      const token = found.start(i) + t
      const real = token >= 0 && token < found.states
      for (let layer = 0; layer < 5; layer++) {
        for (let channel = 0; channel < 384; channel++) {
          data[at++] = real ? 1 + 5 * token + layer + channel / 1024 : 0
        }
      }
    }
  }
  return Buffer.from(data.buffer)
}

describe('the prompts that the reference cuts from made-up states', () => {
  // The positions are those of the cases above; of a longer recording see speech-features.test.ts.
  test.each(shortlist(2, ['sun-6s', 'eng-12s', 'eng-31s', 'yongen']))('%s', (name) => {
    const file = JSON.parse(readFileSync(golden(`audio/${name}.json`), 'utf8')) as {
      samples_16k: number
      prompts: Record<string, { T: number; fake_states_sha256?: string }>
    }
    const checked = Object.entries(file.prompts).filter(([, { fake_states_sha256: sum }]) => sum)
    expect(checked.length).toBeGreaterThan(0)
    for (const [fps, { T, fake_states_sha256 }] of checked) {
      const found = referenceWindows(file.samples_16k, parseFps(Number(fps)))
      expect(found.frames).toBe(T)
      const sum = createHash('sha256').update(fakePrompts(found)).digest('hex')
      expect(sum).toBe(fake_states_sha256)
    }
  })
})

describe('the recommended rule', () => {
  const rates: [string, Rate][] = [12, 15, 16, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60, 120]
    .map(parseFps)
    .map((rate) => [`${rate.num}/${rate.den}`, rate])

  test.each([0.2, 1, 7.3, 61])('equals the reference at 25 fps (%d s)', (seconds) => {
    const samples = Math.round(seconds * 16_000)
    const [ours, theirs] = [audioWindows, referenceWindows].map((rule) =>
      rule(samples, parseFps(25)),
    )
    expect(ours!.frames).toBe(theirs!.frames)
    expect(ours!.states).toBe(theirs!.states)
    const starts = ({ frames, start }: WindowLayout) =>
      Array.from({ length: frames }, (_, i) => start(i))
    expect(starts(ours!)).toEqual(starts(theirs!))
  })
  test.each(rates)('at %s fps no frame drifts from its sound within ten minutes', (_, rate) => {
    const { frames, start } = audioWindows(600 * 16_000, rate)
    const frameS = rate.den / rate.num
    expect(Math.abs(frames * frameS - 600)).toBeLessThanOrEqual(frameS)
    for (let i = 0; i < frames; i++) {
      const heardAt = (start(i) + 4) / 50 // the state of the frame itself
      expect(Math.abs(heardAt - i * frameS)).toBeLessThan(0.02 + 1e-9)
    }
  })
  test.each(rates)('at %s fps the shortest sound is one frame', (_, rate) => {
    expect(audioWindows(1, rate).frames).toBe(1)
  })
})

describe('a rate that somebody typed', () => {
  test.each([
    [23.976, { num: 24_000, den: 1001 }],
    [23.98, { num: 24_000, den: 1001 }],
    [29.97, { num: 30_000, den: 1001 }],
    [59.94, { num: 60_000, den: 1001 }],
    [25, { num: 25, den: 1 }],
    [5, { num: 5, den: 1 }],
    [12.5, { num: 12_500, den: 1000 }],
  ])('%d', (fps, rate) => expect(parseFps(fps)).toEqual(rate))
})
