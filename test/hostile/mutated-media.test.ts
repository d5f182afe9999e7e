import { readFile, rm, writeFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { handle } from '../../handler/handle.ts'
import { mapConcurrent } from '../../handler/system/concurrent-map.ts'
import type { JobResult } from '../../handler/events/job-events.ts'
import { JobError } from '../../handler/errors.ts'
import { ffmpeg as run, makeSound, makeVideo } from '../helpers/media/media.ts'
import { scenario } from '../helpers/jobs/scenario.ts'
import { testDeps, LIMITS, type TestDeps } from '../helpers/jobs/deps.ts'
import { fakeModels } from '../helpers/models/fake-models.ts'
import { mutate } from '../helpers/media/mutate.ts'
import { mediaCount, mutationCount } from './hostile-size.ts'

/** Ten containers, and the codecs that people put into them. */
const VIDEOS: [string, readonly string[]][] = [
  ['h264.mp4', ['-c:v', 'libx264', '-pix_fmt', 'yuv420p']],
  ['fragmented.mp4', ['-c:v', 'libx264', '-movflags', 'frag_keyframe+empty_moov']],
  ['mjpeg.mov', ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p']],
  ['ffv1.mkv', ['-c:v', 'ffv1']],
  ['vp8.webm', ['-c:v', 'libvpx', '-deadline', 'realtime', '-pix_fmt', 'yuv420p']],
  ['mpeg4.avi', ['-c:v', 'mpeg4']],
  ['mpeg2.ts', ['-c:v', 'mpeg2video']],
  ['flv1.flv', ['-c:v', 'flv1']],
  ['wmv2.asf', ['-c:v', 'wmv2']],
  ['anim.gif', []],
]
const SOUNDS: [string, readonly string[]][] = [
  ['pcm.wav', ['-c:a', 'pcm_s16le']],
  ['mp3.mp3', ['-c:a', 'libmp3lame']],
  ['aac.m4a', ['-c:a', 'aac']],
  ['vorbis.ogg', ['-c:a', 'libvorbis']],
  ['flac.flac', ['-c:a', 'flac']],
]
const FRAMES = 5

const at = await scenario()
let deps: TestDeps
beforeAll(async () => {
  const limits = { ...LIMITS, maxVideoS: 20, maxAudioS: 20, maxPixels: 1 << 20 }
  deps = await testDeps(at.media, at.ffmpeg, fakeModels(), { limits })
  const source = await makeVideo(at.ffmpeg, at.media.file('source.mkv'), { frames: FRAMES })
  for (const [name, encode] of ROLES.video) {
    await run(at.ffmpeg.path, ['-v', 'error', '-i', source, ...encode, at.media.file(name)])
  }
  for (const [name, encode] of ROLES.audio) {
    await makeSound(at.ffmpeg, at.media.file(name), 0.2, encode)
  }
})

/** How a job with these inputs ended: with a result, or with an error of a kind. */
async function outcome(video: string, audio: string): Promise<string> {
  const job = { video, audio, length: 'shortest', force: true }
  const ended = await handle(job, deps, { signal: AbortSignal.timeout(120_000) }).catch(
    (error: unknown) => error,
  )
  if (ended instanceof JobError) return `${ended.fault}: ${ended.code}: ${ended.message}`
  if (ended instanceof Error) return String(ended.stack)
  const { frames, output_url } = ended as JobResult
  await rm(output_url)
  return frames > 0 ? 'rendered' : 'rendered nothing'
}

async function* toAsync<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

/** The caller's, by a code that says which; or it went well. */
const RIGHT = /^(rendered|caller: (MEDIA_\w+|NO_FACE): .+)$/

const ROLES = { video: VIDEOS.slice(0, mediaCount()), audio: SOUNDS.slice(0, mediaCount()) }

describe.each([
  ...ROLES.video.map(([name]) => [name, 'video'] as const),
  ...ROLES.audio.map(([name]) => [name, 'audio'] as const),
])('%s as the %s', (name, role) => {
  const perFile = Math.ceil(mutationCount() / (ROLES.video.length + ROLES.audio.length))

  test(`${perFile} damaged copies render, or are refused by a code of the media`, async () => {
    const good = await readFile(at.media.file(name))
    const [video, audio] = [at.media.file('h264.mp4'), at.media.file('pcm.wav')]
    const seeds = Array.from({ length: perFile }, (_, i) => i + 1)
    const ended = mapConcurrent(2, toAsync(seeds), async (seed) => {
      const copy = at.media.file(`${seed}-${name}`)
      const { damaged, how } = mutate(good, seed)
      await writeFile(copy, damaged)
      const end = await (role === 'video' ? outcome(copy, audio) : outcome(video, copy))
      await rm(copy)
      return RIGHT.test(end) ? [] : [`seed ${seed}, ${how}: ${end}`]
    })
    const wrong = (await Array.fromAsync(ended)).flat()
    expect(await deps.left()).toEqual([])
    expect(wrong).toEqual([])
    // What was damaged is not what the next job sees.
    expect(await outcome(video, audio)).toBe('rendered')
  }, 1_800_000)
})
