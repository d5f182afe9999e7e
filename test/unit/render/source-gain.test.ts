import { describe, expect, test } from 'vitest'
import { sourceGain } from '../../../handler/render/audio/source-gain.ts'
import type { HeardVoice } from '../../../handler/render/frames/script.ts'

const LOUD = -10 // dBFS
const SILENT = -90

/** A voice that lasts so long, loud but between two of its seconds. */
function voice(seconds: number, span?: HeardVoice['span'], pause = [0, 0]): HeardVoice {
  const levels = Array.from({ length: 100 * seconds }, (_, i) =>
    i >= 100 * pause[0]! && i < 100 * pause[1]! ? SILENT : LOUD,
  )
  const heard: Partial<HeardVoice['speech']> = { samples: 16_000 * seconds, loudness: { levels } }
  return { speech: heard as HeardVoice['speech'], span }
}

const gainOf = (...args: Parameters<typeof sourceGain>) => {
  const pieces = [...sourceGain(...args)]
  const all = pieces.flatMap((piece) => [...piece])
  return { pieces, all, at: (seconds: number) => all[Math.round(seconds * 1000)] }
}

describe('what is left of the source’s own sound', () => {
  test('nothing, where somebody speaks from the beginning on', () => {
    const { all } = gainOf([voice(1)], 'replace', 2)
    expect(all).toHaveLength(3000)
    expect(new Set(all)).toEqual(new Set([0]))
  })
  test('all of it outside of spans, from which it fades over 20 ms', () => {
    const { at } = gainOf([voice(9, { from: 1, to: 2 })], 'replace', 4)
    expect([at(0), at(0.98), at(2.02), at(3.9)]).toEqual([1, 1, 1, 1])
    expect([at(0.99), at(2.01)]).toEqual([0.5, 0.5])
    expect([at(1), at(1.5), at(2)]).toEqual([0, 0, 0])
  })
  test('so much less while somebody speaks, and all of it before and after', () => {
    const { at } = gainOf([voice(1, { from: 1, to: 3 })], { keepDb: -20 }, 4)
    expect([at(0.5), at(2.5)]).toEqual([1, 1]) // the recording ends before its span
    const during = [at(1), at(1.5), at(2)].map((gain) => gain!.toFixed(3))
    expect(during).toEqual(['0.100', '0.100', '0.100'])
    expect(at(0.875)).toBeCloseTo(0.55, 3)
    expect(at(2.125)).toBeCloseTo(0.55, 3)
  })
  test('all of it in long pauses', () => {
    const { at } = gainOf([voice(4, undefined, [1, 3])], { keepDb: -20 }, 4)
    expect(at(0.5)).toBeCloseTo(0.1, 5)
    expect(at(2)).toBe(1)
    expect(at(3.5)).toBeCloseTo(0.1, 5)
  })
  test('the least that any voice leaves of it, in pieces of a minute', () => {
    const voices = [voice(2, { from: 59, to: 61 }), voice(1, { from: 100, to: 101 })]
    const { pieces, at } = gainOf(voices, { keepDb: -60 }, 130)
    expect(pieces.map(({ length }) => length)).toEqual([60_000, 60_000, 11_000])
    const seconds = [58, 59, 59.999, 60, 61, 62, 100.5, 102]
    expect(seconds.map((time) => at(time)!.toFixed(3))).toEqual([
      ...['1.000', '0.001', '0.001', '0.001', '0.001', '1.000', '0.001', '1.000'],
    ])
  })
})
