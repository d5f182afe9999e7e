import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BufferPool } from '../../../handler/render/buffer-pool.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { shortlist } from '../../helpers/shortlist.ts'
import { makeSound, makeVideo } from '../../helpers/media/media.ts'

const at = await scenario()

/** Buffers that a stage of the render holds: now, and at the most. */
let held: Set<ArrayBufferLike>
let most: number
beforeEach(() => {
  held = new Set()
  most = 0
  const { take, give } = BufferPool.prototype
  vi.spyOn(BufferPool.prototype, 'take').mockImplementation(function (this: BufferPool, bytes) {
    const taken = take.call(this, bytes)
    held.add(taken.buffer)
    most = Math.max(most, held.size)
    return taken
  })
  vi.spyOn(BufferPool.prototype, 'give').mockImplementation(function (this: BufferPool, given) {
    held.delete(given.buffer)
    give.call(this, given)
  })
})
afterEach(() => vi.restoreAllMocks())

/** Some frames and batches in each stage; a job of any length has no more. */
const MOST = 64
const CHUNK = 50 // frames of a clip that plays back and forth: 2 s at most

const CLIPS = [
  ['a long clip that plays backwards too', 110, 150, 'audio', MOST + CHUNK],
  ['a clip that goes on after its sound', 150, 50, 'video', MOST],
  ['a clip as long as its sound', 150, 150, 'audio', MOST],
  ['a short clip, again and again', 40, 150, 'audio', MOST + CHUNK],
] as const
test.each(shortlist(1, CLIPS))(
  '%s: a render holds few buffers, and gives back all',
  async (...row) => {
    const [, frames, soundFrames, length, bound] = row
    const video = await makeVideo(at.ffmpeg, at.media.file('face.mp4'), { frames })
    const audio = await makeSound(at.ffmpeg, at.media.file('tone.wav'), soundFrames / 25)
    const { result } = await at.render({ video, audio, length })
    expect(result.frames).toBe(150)
    expect(most).toBeGreaterThan(8)
    expect(most).toBeLessThanOrEqual(bound)
    expect(held.size).toBe(0)
  },
)
