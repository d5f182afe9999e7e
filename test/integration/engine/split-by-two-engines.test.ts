import { expect, test } from 'vitest'
import { silentLog } from '../../../handler/log.ts'
import { createRenderPool } from '../../../runtime/engine/pool.ts'
import { folder, makeSound, makeVideo, testFfmpeg } from '../../helpers/media/media.ts'
import { readVideo, shownCodes } from '../../helpers/media/media.ts'
import { pushServer } from '../../helpers/servers/worker-server.ts'

const SECONDS = 6
const FRAMES = 25 * SECONDS

test('a result longer than MAX_SECONDS_PER_WORKER is drawn by both engines of a worker', async () => {
  const ffmpeg = await testFfmpeg()
  await using dir = await folder()
  const small = { width: 96, height: 72, frames: FRAMES }
  const video = dir.file('face.mp4')
  await makeVideo(ffmpeg, video, { ...small, faces: () => [[28, 8, 68, 48]] })
  const audio = await makeSound(ffmpeg, dir.file('voice.wav'), SECONDS)
  await using engines = createRenderPool({
    ...{ devices: ['', ''], device: 'cpu', bundle: 'painted', maxJobs: 100, log: silentLog },
    ffmpegPath: ffmpeg.path,
    entry: new URL('../../helpers/children/painting-engine.child.ts', import.meta.url),
  })
  const states = () => engines.status().map(({ state }) => state)
  await expect.poll(states, { timeout: 30_000 }).toEqual(['ready', 'ready'])
  await using server = await pushServer({ MAX_SECONDS_PER_WORKER: '5' }, { engines })

  const body = JSON.stringify({ id: 'long', video, audio })
  const headers = { 'content-type': 'application/json' }
  await fetch(`${server.url}/jobs`, { method: 'POST', headers, body })
  await fetch(`${server.url}/jobs/long/events`).then((events) => events.text())

  const { fields } = server.logged.find(({ event }) => event === 'split')!
  expect(fields).toMatchObject({ parts: 2, frames: FRAMES })
  const drawn = await readVideo(ffmpeg, `${server.results}/long.mp4`)
  expect(shownCodes(drawn)).toEqual(Array.from({ length: FRAMES }, (_, i) => i))
  // One of them measured and joined as well.
  const steps = engines.status().map(({ jobs }) => jobs)
  expect(steps.reduce((sum, each) => sum + each, 0)).toBe(4)
  expect(Math.min(...steps)).toBeGreaterThan(0)
})
