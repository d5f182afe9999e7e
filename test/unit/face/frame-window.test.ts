import { expect, test } from 'vitest'
import { BufferPool } from '../../../handler/render/buffer-pool.ts'
import { windowsOf } from '../../../handler/render/face/frame-window.ts'
import type { Pixels } from '../../../models/pixels/threads/pixels.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'

const FACTS = { width: 64, height: 48, pixelFormat: 'yuv420p', color: {} } as VideoInfo

test('pictures for the graphs exist four at a time, and a run that fails makes room for the next', async () => {
  let [present, most] = [0, 0]
  const pixels = { extractRgb: async () => {} } as unknown as Pixels
  const useWindow = windowsOf(FACTS, { pixels, buffers: new BufferPool() })
  const runs = Array.from({ length: 20 }, (_, i) =>
    useWindow(new Uint8Array(), [0, 0, 8, 8], async () => {
      most = Math.max(most, ++present)
      await Promise.resolve()
      present--
      if (i === 3) throw new Error('the graph failed')
      return i
    }),
  )
  const outcomes = await Promise.allSettled(runs)
  expect(most).toBe(4)
  expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : 'failed'))).toEqual(
    Array.from({ length: 20 }, (_, i) => (i === 3 ? 'failed' : i)),
  )
})
