import { describe, expect, test } from 'vitest'
import type { Avatar } from '../../../handler/render/face/avatar.ts'
import { composite } from '../../../handler/render/frames/composite.ts'
import type { RenderContext } from '../../../handler/render/context.ts'
import type { GeneratedFace } from '../../../handler/render/frames/generate-faces.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'
import type { Box } from '../../../models/pixels/image.ts'
import { fakeModels, MANIFEST } from '../../helpers/models/fake-models.ts'
import { noise } from '../../helpers/media/test-pattern.ts'

const [WIDTH, HEIGHT] = [96, 80]
const BOX: Box = [20, 10, 76, 70]
const facts = { width: WIDTH, height: HEIGHT, pixelFormat: 'yuv420p', color: {} } as VideoInfo
const source = () => noise(WIDTH * HEIGHT * 1.5, 1, 1).data

const ctx = {
  models: fakeModels(),
  stage: (_: string, step: () => Promise<unknown>) => step(),
} as unknown as RenderContext

const avatar = {
  count: 1,
  facePlacement: () => ({ box: BOX, fade: 1, slot: 0 }),
  maskOf: async () => undefined,
} as unknown as Avatar

async function composed(mouth: Partial<GeneratedFace>, frame = source()): Promise<Uint8Array> {
  async function* one<T>(item: T) {
    yield item
  }
  const mouths = one<GeneratedFace>({ index: 0, weight: 1, ...mouth })
  const [made] = await Array.fromAsync(composite(one(frame), mouths, avatar, facts, ctx))
  return made!
}
const green = () => {
  const face = new Uint8Array(256 * 256 * 3)
  for (let i = 1; i < face.length; i += 3) face[i] = 255
  return face
}

/** Every sample of a frame with the pixel that it belongs to. */
function* samples(frame: Uint8Array) {
  for (let i = 0; i < frame.length; i++) {
    const chroma = i - WIDTH * HEIGHT
    const at = chroma < 0 ? i : chroma % ((WIDTH * HEIGHT) / 4)
    const [step, width] = chroma < 0 ? [1, WIDTH] : [2, WIDTH / 2]
    yield { i, x: (at % width) * step, y: Math.floor(at / width) * step, step }
  }
}

describe('laying a face over a frame', () => {
  test('touches no byte outside the mask', async () => {
    const [before, after] = [source(), await composed({ face: green() })]
    const [x1, y1, x2, y2] = BOX
    const opens = y1 + MANIFEST.mask!.top[0] * (y2 - y1)
    let changed = 0
    for (const { i, x, y, step } of samples(after)) {
      const outside = x + step <= x1 || x >= x2 || y + step <= opens - 1 || y >= y2
      if (outside) expect(after[i]).toBe(before[i])
      else if (after[i] !== before[i]) changed++
    }
    expect(changed).toBeGreaterThan(1500)
  })
  test('shows the face itself in the middle of the mask', async () => {
    const gray = new Uint8Array(WIDTH * HEIGHT * 1.5).fill(128)
    const after = await composed({ face: green() }, gray)
    const [x, y] = [48, 58]
    const at = WIDTH * HEIGHT + (y / 2) * (WIDTH / 2) + x / 2
    expect(after[y * WIDTH + x]).toBeCloseTo(145, -0.5)
    expect(after[at]).toBeCloseTo(54, -0.5)
    expect(after[at + (WIDTH * HEIGHT) / 4]).toBeCloseTo(34, -0.5)
  })
  test('by half is half the change', async () => {
    const [before, all] = [source(), await composed({ face: green() })]
    const half = await composed({ face: green(), weight: 0.5 })
    const at = 58 * WIDTH + 48
    expect(half[at]! - before[at]!).toBeCloseTo((all[at]! - before[at]!) / 2, -0.5)
  })
  test('by nothing, or without a face, changes nothing', async () => {
    expect(await composed({ weight: 0 })).toEqual(source())
    expect(await composed({ face: green(), weight: 0 })).toEqual(source())
  })
  test('closes the mouths when the frames end', async () => {
    let closed = false
    async function* mouths(): AsyncGenerator<GeneratedFace> {
      try {
        for (let index = 0; ; index++) yield { index, weight: 0 }
      } finally {
        closed = true
      }
    }
    async function* frames() {
      yield source()
      yield source()
    }
    const out = await Array.fromAsync(composite(frames(), mouths(), avatar, facts, ctx))
    expect(out).toHaveLength(2)
    expect(closed).toBe(true)
  })
})
