import { renderTools } from '../../../helpers/render-tools.ts'
import { describe, expect, test } from 'vitest'
import { composite } from '../../../../handler/render/frames/composite.ts'
import type { RenderContext } from '../../../../handler/render/render-context.ts'
import type { GeneratedFrame } from '../../../../handler/render/frames/generate-faces.ts'
import type { VideoInfo } from '../../../../handler/render/media/media-info.ts'
import type { RenderOptions } from '../../../../handler/render/render-options.ts'
import type { Box } from '../../../../models/pixels/image.ts'
import { fakeModels, MANIFEST } from '../../../helpers/models/fake-models.ts'
import { noise } from '../../../helpers/media/test-pattern.ts'

const [WIDTH, HEIGHT] = [96, 80]
const BOX: Box = [20, 10, 76, 70]
const facts = { width: WIDTH, height: HEIGHT, pixelFormat: 'yuv420p', color: {} } as VideoInfo
const source = () => noise(WIDTH * HEIGHT * 1.5, 1, 1).data

const ctx = {
  models: fakeModels(),
  ...renderTools(),
  stage: (_: string, step: () => Promise<unknown>) => step(),
} as unknown as RenderContext

const placement = { box: BOX, fade: 1, slot: 0 }

async function composed(
  drawn: Partial<GeneratedFrame>,
  frame = source(),
  options: Pick<RenderOptions, 'compat'> = {},
): Promise<Uint8Array> {
  async function* one() {
    yield [{ frame, placement, weight: 1, ...drawn }]
  }
  const [made] = await Array.fromAsync(composite(one(), facts, options, ctx))
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
    const after = await composed({ face: green() }, gray, { compat: 'reference' })
    const [x, y] = [48, 58]
    const at = WIDTH * HEIGHT + (y / 2) * (WIDTH / 2) + x / 2
    expect(after[y * WIDTH + x]).toBeCloseTo(145, -0.5)
    expect(after[at]).toBeCloseTo(54, -0.5)
    expect(after[at + (WIDTH * HEIGHT) / 4]).toBeCloseTo(34, -0.5)
  })
  test('takes the color from it in a picture that has none', async () => {
    const gray = new Uint8Array(WIDTH * HEIGHT * 1.5).fill(128)
    const after = await composed({ face: green() }, gray)
    expect(after[58 * WIDTH + 48]).toBeCloseTo(145, -0.5)
    expect(after.subarray(WIDTH * HEIGHT).every((value) => value === 128)).toBe(true)
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
  test('keeps the order of frames, with and without a face', async () => {
    async function* frames() {
      for (let index = 0; index < 12; index++) {
        const frame = new Uint8Array(WIDTH * HEIGHT * 1.5).fill(10 * index)
        yield [{ frame, placement, weight: 1, ...(index % 3 === 0 && { face: green() }) }]
      }
    }
    const out = await Array.fromAsync(composite(frames(), facts, {}, ctx))
    expect(out.map((frame) => frame[0])).toEqual(Array.from({ length: 12 }, (_, i) => 10 * i))
    const middle = 58 * WIDTH + 48
    expect(out.map((frame, i) => frame[middle] !== 10 * i)).toEqual(
      Array.from({ length: 12 }, (_, i) => i % 3 === 0),
    )
  })
  test('closes its source when nobody wants more', async () => {
    let closed = false
    async function* frames(): AsyncGenerator<GeneratedFrame[]> {
      try {
        for (;;) yield [{ frame: source(), placement, weight: 0 }]
      } finally {
        closed = true
      }
    }
    for await (const _ of composite(frames(), facts, {}, ctx)) break
    expect(closed).toBe(true)
  })
})
