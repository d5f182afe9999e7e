import { beforeAll, expect, test } from 'vitest'
import { chooseEncoder } from '../../../../handler/render/encode/choose-encoder.ts'
import type { WantedFormat } from '../../../../handler/render/encode/output-formats.ts'
import { runToEnd, type Ffmpeg } from '../../../../handler/render/media/ffmpeg.ts'
import type { VideoInfo } from '../../../../handler/render/media/media-info.ts'
import { chmod, writeFile } from 'node:fs/promises'
import { folder, testFfmpeg } from '../../../helpers/media/media.ts'

const signal = AbortSignal.timeout(300_000)
const video = { width: 64, height: 64, color: {} } as VideoInfo
let ffmpeg: Ffmpeg
beforeAll(async () => {
  ffmpeg = await testFfmpeg()
})

const choose = (wanted: WantedFormat, by = ffmpeg) =>
  chooseEncoder(wanted, { crf: 17 }, video, { ffmpeg: by, signal })

test('H.264 and lossless results need no trial', async () => {
  const nowhere = { ...ffmpeg, path: '/nowhere' }
  expect(await choose({}, nowhere)).toBeUndefined()
  expect(await choose({ lossless: true }, nowhere)).toBeUndefined()
})

test.each([
  [{ codec: 'hevc' }, 'mp4', 'hevc'],
  [{ codec: 'av1' }, 'mp4', 'av1'],
  [{ format: 'webm' }, 'webm', 'vp9'],
  [{ format: 'webm', codec: 'av1' }, 'webm', 'av1'],
] as const)(
  '%j is what is asked for, picture by picture, or refused',
  async (wanted, ending, codec) => {
    await using at = await folder()
    const chosen = await choose(wanted).catch((error: unknown) => error)
    if (chosen instanceof Error) {
      expect(chosen).toMatchObject({ code: 'INVALID_JOB' })
      return
    }
    const { video, audio, container } = chosen as Awaited<ReturnType<typeof choose>> & object
    const file = at.file(`a.${ending}`)
    const inputs = ['-f', 'lavfi', '-i', 'testsrc=s=64x64:r=25:d=0.4']
    const sound = ['-f', 'lavfi', '-i', 'sine=d=0.4']
    const args = ['-v', 'error', ...inputs, ...sound, ...video, ...audio, ...container, file]
    expect(await runToEnd(ffmpeg.path, args, signal)).toMatchObject({ code: 0 })
    const { stderr } = await runToEnd(ffmpeg.path, ['-hide_banner', '-i', file], signal)
    expect(stderr).toMatch(new RegExp(`Video: ${codec}.* 64x64`))
    expect(stderr).toMatch(ending === 'webm' ? /Audio: opus/ : /Audio: aac/)
    const count = ['-v', 'error', '-progress', 'pipe:1', '-i', file, '-f', 'null', '-']
    const { stdout } = await runToEnd(ffmpeg.path, count, signal)
    expect(stdout.toString()).toMatch(/^frame=10$/m)
  },
)

test('an ffmpeg without the encoder says what it has', async () => {
  await using at = await folder()
  const path = at.file('ffmpeg')
  await writeFile(path, '#!/bin/sh\ncase "$*" in *libvpx-vp9*) exit 0;; *) exit 1;; esac\n')
  await chmod(path, 0o755)
  const small = { ...ffmpeg, path, nvenc: false }
  expect(await choose({ format: 'webm' }, small)).toMatchObject({ name: 'libvpx-vp9' })
  await expect(choose({ format: 'webm', codec: 'av1' }, small)).rejects.toMatchObject({
    code: 'INVALID_JOB',
    message:
      'output.codec: the ffmpeg of this worker has no encoder of av1 that works; of webm it has vp9',
  })
  await expect(choose({ codec: 'hevc' }, small)).rejects.toThrow('of mp4 it has h264')
})
