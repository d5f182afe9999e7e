import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { findFfmpeg } from '../../../handler/render/media/find-ffmpeg.ts'
import { runToEnd } from '../../../handler/render/media/ffmpeg.ts'
import { directoryStorage, handle, createLocalWorker } from '../../../runtime/library.ts'
import { pretendedEngine, pretendedServe } from '../../helpers/servers/worker-server.ts'
import { smallPortrait } from '../../helpers/media/portrait.ts'
import { heldStop } from '../../helpers/jobs/controlled-jobs.ts'

const root = resolve(import.meta.dirname, '../../..')
const signal = AbortSignal.timeout(300_000)
const dir = await mkdtemp(join(tmpdir(), 'same-video-'))
const ffmpeg = await findFfmpeg(process.env.FFMPEG_PATH, signal)
afterAll(() => rm(dir, { recursive: true }))

/** SHA-256 of the decoded frames of a video that is read from a URL or a path. */
async function frames(source: string): Promise<string> {
  const args = ['-v', 'error', '-i', source, '-map', '0:v', '-f', 'hash', '-']
  return (await runToEnd(ffmpeg.path, args, signal)).stdout.toString().trim()
}

test('the same job gives the same frames through every shape', async () => {
  const audio = join(dir, 'speech.wav')
  const short = ['-v', 'error', '-t', '0.2', '-i', join(root, 'demo/speech.wav'), audio]
  await runToEnd(ffmpeg.path, short, signal)
  const face = await smallPortrait(ffmpeg, join(dir, 'face.png'))
  const job = { video_url: face, audio_url: audio, force: true }

  await using deps = await createLocalWorker({
    ...{ allowFileInputs: true, scratch: join(dir, 'scratch'), ffmpegPath: ffmpeg.path },
    storage: directoryStorage(join(dir, 'direct')),
  })
  const { promise: listening, resolve: told, reject } = Promise.withResolvers<number>()
  const stopping = heldStop()
  const env = { OUTPUT_DIR: join(dir, 'out'), SCRATCH_DIR: join(dir, 'served'), HOST: '127.0.0.1' }
  const engines = { ...pretendedEngine(), render: deps.render }
  const stopped = pretendedServe(env, stopping.stop, engines, told)
  stopped.catch(reject)
  try {
    const url = `http://127.0.0.1:${await listening}`
    const post = async (path: string, body: object): Promise<any> => {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${url}${path}`, {
        ...{ method: 'POST', headers, signal },
        body: JSON.stringify(body),
      })
      return answer.json()
    }
    const direct = await handle({ ...job, id: 'direct' }, deps)
    const generate = await post('/generate', { ...job, musetalk_job_id: 'generate' })
    const runpod = await post('/v2/local/runsync', { input: { ...job, id: 'runpod' } })
    const own = await post('/jobs', { ...job, id: 'own' })
    const events = await (
      await fetch(`${url}/jobs/${own.id ?? own.job_id}/events`, { signal })
    ).text()
    expect(events).toContain('job.succeeded')

    const expected = await frames(direct.output_url)
    expect(expected).toMatch(/^SHA256=[0-9a-f]{64}$/)
    expect(await frames(generate.output_url)).toBe(expected)
    expect(await frames(runpod.output.output_url)).toBe(expected)
    expect(await frames(`${url}/files/own.mp4`)).toBe(expected)
  } finally {
    stopping.soon()
    stopping.now()
    await stopped
  }
})
