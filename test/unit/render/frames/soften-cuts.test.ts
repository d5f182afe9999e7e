import { describe, expect, test } from 'vitest'
import { BufferPool } from '../../../../handler/render/buffer-pool.ts'
import {
  fadeFrames,
  outsideFades,
  softenCuts,
} from '../../../../handler/render/frames/soften-cuts.ts'

const COUNT = 10 // frames of the source
const FPS = 15 // a fade of three frames

/** What frames of one byte, ten times their place in the source, become. */
async function soften(from: number, to: number, countNow = () => COUNT): Promise<number[]> {
  const buffers = new BufferPool()
  async function* frames() {
    for (let i = from; i < to; i++) {
      const frame = buffers.take(1)
      frame[0] = 10 * (i % COUNT)
      yield frame
    }
  }
  const seen: number[] = []
  for await (const frame of softenCuts(frames(), from, countNow, FPS, { buffers })) {
    seen.push(frame[0]!)
    buffers.give(frame)
  }
  return seen
}

describe('the cut of a loop', () => {
  const plain = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
  const softened = [68, 50, 38, ...plain.slice(3)] // 3/4, 2/4 and 1/4 of 90
  test('mixes the last frame into the first ones of each showing but the first', async () => {
    expect(await soften(0, 25)).toEqual([...plain, ...softened, ...softened.slice(0, 5)])
  })
  test('is found where the length of the source is not known before', async () => {
    let seen = 0
    const countNow = () => Math.min(COUNT, (seen += 2)) // it is looked at ahead of what is shown
    expect(await soften(0, 14, countNow)).toEqual([...plain, ...softened.slice(0, 4)])
  })
  test('is in a part of the result what it is in all of it', async () => {
    const all = await soften(0, 25)
    for (const from of [3, 9, 13, 19]) expect(await soften(from, 25)).toEqual(all.slice(from))
  })
  test('never takes more than half of a short source', () => {
    expect([fadeFrames(100, 25), fadeFrames(100, 59.94), fadeFrames(100, 12)]).toEqual([5, 12, 2])
    expect([fadeFrames(6, 25), fadeFrames(1, 25)]).toEqual([3, 0])
  })
  test('of a source that is not played again changes nothing', async () => {
    expect(await soften(0, 10)).toEqual(plain)
  })
})

test('parts begin where no fade is', () => {
  const parts = [8, 10, 11, 13, 21, 30].map((to, i, all) => ({ from: all[i - 1] ?? 0, to }))
  expect(outsideFades(parts, COUNT, FPS)).toEqual([
    { from: 0, to: 8 },
    { from: 8, to: 13 },
    { from: 13, to: 23 },
    { from: 23, to: 30 },
  ])
})
