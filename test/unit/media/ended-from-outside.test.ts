import { chmod, writeFile } from 'node:fs/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { chooseEncoder } from '../../../handler/render/encode/choose-encoder.ts'
import { resolveRate } from '../../../handler/render/encode/encode-rate.ts'
import { assertPreviewFormat } from '../../../handler/render/encode/pictures.ts'
import { audioChunks } from '../../../handler/render/audio/decode-audio.ts'
import { BufferPool } from '../../../handler/render/buffer-pool.ts'
import { countFrames, decode } from '../../../handler/render/media/decode-video.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'
import { measurePictures } from '../../../handler/render/media/probing/measure-pictures.ts'
import { folder } from '../../helpers/media/media.ts'

const files = await folder()
afterAll(() => files[Symbol.asyncDispose]())
const signal = AbortSignal.timeout(300_000)
const limits = { maxPixels: 1e6, maxAudioS: 60, maxVideoS: 60 }
const facts = {
  ...{ still: false, stream: 0, width: 64, height: 64, durationS: 1, maxStoredPixels: 1e6 },
  ...{ rate: { num: 25, den: 1 }, pixelFormat: 'yuv420p', geometry: 'null', color: {}, offsetS: 0 },
} as unknown as VideoInfo

/** What has come out until then is all that there is: one picture, one frame, a tenth of a second of sound. */
const BEGUN = `echo '#tb 0: 1/25'; echo '0, 0, 0, 1, 10, 0x0'; echo frame=1
echo 'video:10KiB' >&2; head -c 6400 /dev/zero`

/** An ffmpeg that begins its work and comes to an end in the middle of it. */
async function endingBy(how: string) {
  const path = files.file('ffmpeg')
  await writeFile(path, `#!/bin/sh\n${BEGUN}\n${how}\n`)
  await chmod(path, 0o755)
  const ffmpeg = { path, version: 'test', soxr: false, nvenc: false }
  return { ffmpeg, limits, signal, buffers: new BufferPool() }
}
type Tools = Awaited<ReturnType<typeof endingBy>>

const WORK: Record<string, (tools: Tools) => Promise<unknown>> = {
  'looking whether a video is a still': ({ ffmpeg }) =>
    measurePictures({ file: 'a.mp4', stream: 0 }, limits, ffmpeg, signal),
  'counting frames': (tools) => countFrames({ file: 'a.mp4', facts }, 100, tools),
  'decoding pictures': (tools) =>
    Array.fromAsync(decode({ file: 'a.mp4', facts }, { first: 0, count: 100 }, tools)),
  'decoding sound': (tools) => {
    const sound = { file: 'a.wav', stream: 0, channels: 1, filter: 'anull' } as never
    return Array.fromAsync(audioChunks(sound, 1, tools))
  },
  'measuring a bit rate': (tools) =>
    resolveRate({ crf: 17, bitrate: 'source' }, { file: 'a.mp4', facts }, tools),
  'trying an encoder': (tools) =>
    chooseEncoder({ format: 'webm', codec: 'vp9', lossless: false }, { crf: 17 }, facts, tools),
  'trying an animation': (tools) =>
    assertPreviewFormat({ preview: { frames: 1, width: 64, format: 'webp' } }, tools),
}

describe.each(Object.entries(WORK))('an ffmpeg that is ended while %s', (_, work) => {
  test.each([
    ['by a signal', 'kill -TERM $$', 'ENGINE_LOST'],
    ['by one that it handles', 'exit 255', 'ENGINE_LOST'],
    ['by the kernel', 'kill -KILL $$', 'OUT_OF_MEMORY'],
  ])('%s has found out nothing: another try can help', async (_how, how, code) => {
    const error = await work(await endingBy(how)).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, fault: 'worker', retryable: true })
  })
})
