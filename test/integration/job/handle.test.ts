import { expect, test } from 'vitest'
import { handle } from '../../../handler/handle.ts'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import { testDeps } from '../../helpers/jobs/deps.ts'
import {
  CROP,
  drawnCodes,
  folder,
  makeSound,
  makeVideo,
  readVideo,
  shownCodes,
  testFfmpeg,
} from '../../helpers/media/media.ts'
import { fakeModels } from '../../helpers/models/fake-models.ts'

const ffmpeg = await testFfmpeg()

test('one second of speech becomes 25 frames, the mouth painted, no file left', async () => {
  await using media = await folder()
  const video = await makeVideo(ffmpeg, media.file('face.mp4'), { frames: 10 })
  const audio = await makeSound(ffmpeg, media.file('voice.wav'), 1)
  const deps = await testDeps(media, ffmpeg, fakeModels())
  const events: JobEvent[] = []

  const result = await handle({ id: 'j1', video, audio }, deps, { onEvent: (e) => events.push(e) })

  expect(result).toMatchObject({ status: 'succeeded', frames: 25, fps: 25, duration_sec: 1 })
  const out = await readVideo(ffmpeg, result.output_url)
  expect(out).toMatchObject({ frames: 25, width: 192, height: 144, fps: 25, hasAudio: true })
  const there = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  const order = [...there, ...there.toReversed(), ...there].slice(0, 25)
  expect(shownCodes(out)).toEqual(order) // the source frame of each output frame
  expect(drawnCodes(out, CROP)).toEqual(order) // the state its mouth was made from
  expect(await deps.left()).toEqual([])
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i))
  expect(events.at(-1)).toMatchObject({ type: 'job.succeeded', progress: 1, result })
})
