import { readFile, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  CROP,
  drawnCodes,
  ffmpeg as run,
  makeSound,
  makeVideo,
  shownCodes,
} from '../../helpers/media/media.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { fakeModels } from '../../helpers/models/fake-models.ts'

const at = await scenario()

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

/** An ffmpeg that notes how it was called. */
async function noted() {
  const [path, calls] = [at.media.file('noting-ffmpeg'), at.media.file('calls')]
  const script = `#!/bin/sh\necho "$@" >> ${calls}\nexec ${at.ffmpeg.path} "$@"\n`
  await writeFile(path, script, { mode: 0o755 })
  await writeFile(calls, '')
  const decodes = () => readFileSync(calls, 'utf8').match(/rawvideo.* pipe:1$/gm)?.length
  return { ffmpeg: { ...at.ffmpeg, path }, decodes }
}

describe('a source that is not shorter than the sound', () => {
  test('is decoded once, and drawn on before it was looked at to its end', async () => {
    const video = await makeVideo(at.ffmpeg, at.media.file('long.mp4'), { frames: 100 })
    const audio = await makeSound(at.ffmpeg, at.media.file('three.wav'), 3)
    const { ffmpeg, decodes } = await noted()
    let encoded = 0
    const models = fakeModels({
      before: (graph) => {
        if (graph === 'generate') encoded ||= models.encoded
      },
    })
    const { video: out } = await at.run({ video, audio }, { models, ffmpeg })
    expect(shownCodes(out)).toEqual(upTo(75))
    expect(drawnCodes(out, CROP)).toEqual(upTo(75))
    expect(decodes()).toBe(1)
    expect(encoded).toBeLessThan(40)
    expect(models.encoded).toBe(75)
  })
  test('is looked at a second time where it ends before its file says', async () => {
    // Without its tags Matroska knows one length: here that of the sound beside the picture.
    const [plain, video] = [at.media.file('plain.mkv'), at.media.file('shorter.mkv')]
    await makeVideo(at.ffmpeg, plain, { frames: 30 })
    const sound = await makeSound(at.ffmpeg, at.media.file('six.wav'), 6)
    await run(at.ffmpeg.path, ['-i', plain, '-i', sound, '-c:v', 'copy', video])
    const tagged = await readFile(video, 'latin1')
    await writeFile(video, tagged.replaceAll('DURATION', 'DuRATION'), 'latin1')
    const audio = await makeSound(at.ffmpeg, at.media.file('three.wav'), 3)
    const { video: out, models, deps } = await at.run({ video, audio })
    const around = [...upTo(30), ...upTo(30).toReversed(), ...upTo(15)]
    expect(shownCodes(out)).toEqual(around)
    expect(drawnCodes(out, CROP)).toEqual(around)
    expect(models.encoded).toBe(60)
    expect(deps.logged.map(({ event }) => event)).toContain('source.shorter')
  })
  test('without a face ends with that, and leaves nothing', async () => {
    const none = { frames: 60, faces: () => [] }
    const video = await makeVideo(at.ffmpeg, at.media.file('nobody.mp4'), none)
    const { error } = await at.fail({ video })
    expect(error).toMatchObject({ code: 'NO_FACE', stage: 'avatar' })
    expect(error.message).toContain('25 frames (1.0 s)')
  })
})
