import { afterAll, expect, test } from 'vitest'
import { coefficients } from '../../../models/pixels/color/color-matrix.ts'
import { PixelError } from '../../../models/pixels/errors.ts'
import type { Box } from '../../../models/pixels/image.ts'
import { createPixelOperations } from '../../../models/pixels/pixel-operations.ts'
import { startPixelThread, type PixelThread } from '../../../models/pixels/threads/pixel-thread.ts'
import { openPixels } from '../../../models/pixels/threads/pixels.ts'
import { yuvBytes } from '../../../models/pixels/yuv.ts'
import { noise } from '../../helpers/media/test-pattern.ts'

const layout = {
  width: 480,
  height: 320,
  color: coefficients({ matrix: 'bt709', range: 'limited' }),
}
const rule = { top: [0.5, 0.6], sides: 0.1, bottom: 0.05 } as const
const inline = createPixelOperations()

const shared = (bytes: Uint8Array) => {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}
const frameOf = (seed: number) => noise(yuvBytes(480, 320), 1, 1, seed).data
const face = noise(256, 256, 3, 3).data
const boxOf = (i: number): Box => [40 + 3 * i, 20 + i, 240 + 3 * i, 250 + i]

/** Counts what was started, and what it was asked. */
function counted(start: () => PixelThread) {
  const calls: number[] = []
  return {
    calls,
    start: () => {
      const thread = start()
      const at = calls.push(0) - 1
      return {
        ...thread,
        run: (...asked: Parameters<PixelThread['run']>) => {
          calls[at]!++
          return thread.run(...asked)
        },
      }
    },
  }
}

const threads = counted(() => startPixelThread())
const pixels = openPixels(2, threads.start)
afterAll(() => pixels[Symbol.asyncDispose]())

test('many calls at once come out as on one thread, and the threads share them', async () => {
  const jobs = Array.from({ length: 12 }, (_, i) => i)
  await Promise.all(
    jobs.map(async (i) => {
      const frame = shared(frameOf(i))
      const box = boxOf(i)
      const out = { face: shared(new Uint8Array(256 * 256 * 3)), head: shared(new Uint8Array(512 * 512 * 3)) } // prettier-ignore
      const region = shared(new Uint8Array(200 * 230 * 3))
      await Promise.all([
        pixels.cropFaces(layout, [{ frame, box, ...out }]),
        pixels.extractRgb(frame, layout, box, region),
      ])
      const classes = out.head.slice(0, 512 * 512).map((v) => v % 19)
      const [bits] = await pixels.packMasks(classes, 1, 'jaw')
      const whole = new Uint8Array(3 * face.length)
      whole.set(face, face.length)
      const part = whole.subarray(face.length, 2 * face.length) // as one of a batch
      const mask = i % 2 === 0 ? { bits: bits! } : { rule }
      await pixels.pasteFaces(layout, [{ frame, face: part, box, mask, weight: 1 }])

      const expected = frameOf(i)
      const same = { face: new Uint8Array(256 * 256 * 3), head: new Uint8Array(512 * 512 * 3) }
      inline.cropFace(expected, layout, box, same)
      const rgb = new Uint8Array(200 * 230 * 3)
      inline.extractRgb(expected, layout, box, rgb)
      const parsed = same.head.slice(0, 512 * 512).map((v) => v % 19)
      const own = i % 2 === 0 ? { bits: inline.packMask(parsed, 'jaw') } : { rule }
      inline.pasteFace(expected, layout, { face, box, mask: own, weight: 1 })
      expect(Buffer.compare(out.face, same.face)).toBe(0)
      expect(Buffer.compare(out.head, same.head)).toBe(0)
      expect(Buffer.compare(region, rgb)).toBe(0)
      expect(Buffer.compare(frame, expected)).toBe(0)
    }),
  )
  expect(threads.calls).toHaveLength(2)
  expect(threads.calls.reduce((a, b) => a + b)).toBe(4 * 12)
  expect(Math.min(...threads.calls)).toBeGreaterThan(0)
})

test('a batch is one message, without copies, and comes out as one after the other', async () => {
  const before = threads.calls.reduce((a, b) => a + b)
  const all = [0, 1, 2]
  const frames = all.map((i) => shared(frameOf(i)))
  const heads = Uint8Array.from({ length: 4 * 512 * 512 }, (_, i) => (i >> 9) % 19) // one is surplus
  const own = all.map((i) =>
    inline.packMask(heads.slice(i * 512 * 512, (i + 1) * 512 * 512), 'jaw'),
  )
  const bits = await pixels.packMasks(heads, 3, 'jaw')
  expect(bits.map((mask, i) => Buffer.compare(mask, own[i]!))).toEqual([0, 0, 0])
  expect(heads.length).toBe(0) // given away

  const faces = noise(256, 3 * 256, 3, 5).data
  const faceOf = (i: number) => faces.subarray(i * face.length, (i + 1) * face.length)
  const copies = all.map((i) => faceOf(i).slice())
  const pasteOf = (i: number) => ({ box: boxOf(i), mask: { bits: bits[i]! }, weight: 1 })
  await pixels.pasteFaces(
    layout,
    all.map((i) => ({ frame: frames[i]!, face: faceOf(i), ...pasteOf(i) })),
  )
  expect(faces.length).toBe(0)
  for (const i of all) {
    const expected = frameOf(i)
    inline.pasteFace(expected, layout, { face: copies[i]!, ...pasteOf(i) })
    expect(Buffer.compare(frames[i]!, expected)).toBe(0)
  }
  expect(threads.calls.reduce((a, b) => a + b)).toBe(before + 2)
})

test('what is not shared is done at once, where it was called', async () => {
  const before = threads.calls.reduce((a, b) => a + b)
  const frame = frameOf(1)
  const paste = { frame, face, box: boxOf(0), mask: { rule }, weight: 1 }
  const done = pixels.pasteFaces(layout, [paste])
  expect(Buffer.compare(frame, frameOf(1))).not.toBe(0)
  await done
  expect(threads.calls.reduce((a, b) => a + b)).toBe(before)
})

test('an operation that fails is named, and the thread goes on', async () => {
  const frame = shared(frameOf(1))
  const out = shared(new Uint8Array(10))
  const failed = pixels.extractRgb(frame, layout, [0, 0, 100, 100], out)
  await expect(failed).rejects.toMatchObject({ name: 'PixelError', kind: 'operation' })
  const own = pixels.extractRgb(frameOf(1), layout, [0, 0, 100, 100], new Uint8Array(10))
  await expect(own).rejects.toMatchObject({ name: 'PixelError', kind: 'operation' })
  await pixels.extractRgb(frame, layout, [0, 0, 1, 1], out)
})

test('a thread that dies fails its calls, and the next one has another', async () => {
  const program =
    "import{parentPort as p}from'node:worker_threads';p.on('message',()=>process.exit(3))"
  const dying = new URL(`data:text/javascript,${encodeURIComponent(program)}`)
  const started: PixelThread[] = []
  await using mortal = openPixels(1, () => {
    const thread = started.length === 0 ? startPixelThread(dying) : startPixelThread()
    started.push(thread)
    return thread
  })
  const frame = shared(frameOf(1))
  const out = shared(new Uint8Array(3 * 64 * 64))
  const ask = () => mortal.extractRgb(frame, layout, [0, 0, 64, 64], out)
  const both = await Promise.allSettled([ask(), ask()])
  for (const { reason } of both as PromiseRejectedResult[]) {
    expect(reason).toBeInstanceOf(PixelError)
    expect(reason).toMatchObject({
      kind: 'thread',
      message: expect.stringContaining('ended with 3'),
    })
  }
  await ask()
  const rgb = new Uint8Array(out.length)
  inline.extractRgb(frame, layout, [0, 0, 64, 64], rgb)
  expect(Buffer.compare(out, rgb)).toBe(0)
  expect(started).toHaveLength(2)
})

test('without threads, and for small frames, there is none', async () => {
  const start = () => expect.unreachable()
  const out = shared(new Uint8Array(3 * 16 * 16))
  await openPixels(0, start).extractRgb(shared(frameOf(1)), layout, [0, 0, 16, 16], out)
  const small = { ...layout, width: 64, height: 64 }
  const frame = shared(noise(yuvBytes(64, 64), 1, 1).data)
  await openPixels(2, start).extractRgb(frame, small, [0, 0, 16, 16], out)
})
