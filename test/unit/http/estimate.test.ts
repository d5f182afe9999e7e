import { expect, test } from 'vitest'
import { InputError, WorkerError } from '../../../handler/errors.ts'
import { createClient, RequestRefused } from '../../../runtime/client/client.ts'
import { estimateLines } from '../../../runtime/cli/estimate-lines.ts'
import { ESTIMATE, heldApp } from '../../helpers/servers/http-app.ts'
import { JOB } from '../../helpers/jobs/controlled-jobs.ts'

const REFUSED = {
  refused: { code: 'NO_FACE', message: 'no face was found', stage: 'avatar', retryable: false },
} as const

test('an estimate is answered, and so is what would be refused', async () => {
  const asked: unknown[] = []
  const answers = [ESTIMATE, REFUSED]
  const estimate = async (payload: unknown) => {
    asked.push(payload)
    return answers.shift()!
  }
  const { post, jobs } = heldApp({ estimate })
  expect(await post('/estimate', JOB)).toMatchObject({ status: 200, body: ESTIMATE })
  expect(await post('/estimate', JOB)).toMatchObject({ status: 200, body: REFUSED })
  expect(asked).toEqual([JOB, JOB])
  expect(jobs.list()).toEqual([])
})

test('what is no job is refused as a job is', async () => {
  const problems = [{ path: ['video_url'], message: 'is required' }]
  const { post } = heldApp({
    estimate: async () => {
      throw new InputError('INVALID_JOB', 'video_url: is required', { problems })
    },
  })
  const { status, body } = await post('/estimate', {})
  expect(status).toBe(422)
  expect(body.detail).toEqual([{ loc: ['body', 'video_url'], msg: 'is required', type: 'missing' }])
  expect((await post('/estimate', 'not JSON')).status).toBe(422)
})

test('a worker that makes others says when to come back', async () => {
  const { post } = heldApp({
    estimate: async () => {
      throw new WorkerError('BUSY', '2 estimates are being made')
    },
  })
  const { status, headers } = await post('/estimate', JOB)
  expect([status, headers.get('retry-after')]).toEqual([429, '5'])
})

test('the key is asked for', async () => {
  const { post } = heldApp({ apiKey: 'secret' })
  expect((await post('/estimate', JOB)).status).toBe(401)
  expect((await post('/v2/analyze/cost', JOB)).status).toBe(401)
})

test('the client asks for it', async () => {
  const { app } = heldApp()
  const send = async (url: string, init: RequestInit) => app.request(url, init)
  const client = createClient('http://worker.test', { fetch: send as typeof fetch })
  expect(await client.estimate(JOB)).toEqual(ESTIMATE)
  const refusing = heldApp({
    estimate: async () => {
      throw new InputError('INVALID_JOB', 'no')
    },
  })
  const other = createClient('http://worker.test', {
    fetch: (async (url: string, init: RequestInit) =>
      refusing.app.request(url, init)) as typeof fetch,
  })
  await expect(other.estimate(JOB)).rejects.toBeInstanceOf(RequestRefused)
})

test.each(['/v2/analyze/cost', '/v2/generations/estimate-cost'])(
  '%s answers frames, seconds, and no cost',
  async (path) => {
    const input = [
      { type: 'video', url: JOB.video_url },
      { type: 'audio', url: JOB.audio_url },
    ]
    const asked: unknown[] = []
    const answers = [ESTIMATE, { ...ESTIMATE, expected_sec: null }, REFUSED]
    const estimate = async (payload: unknown) => {
      asked.push(payload)
      return answers.shift()!
    }
    const { post } = heldApp({ estimate })
    const request = { model: 'lipsync-2', input, options: { sync_mode: 'loop' } }
    const cost = { estimatedFrameCount: 250, estimatedGenerationCost: 0 }
    expect((await post(path, request)).body).toEqual([{ ...cost, estimatedSeconds: 4.2 }])
    expect((await post(path, request)).body).toEqual([cost])
    expect(await post(path, request)).toMatchObject({
      ...{ status: 400, body: { statusCode: 400, message: 'no face was found' } },
    })
    expect(asked[0]).toEqual({ ...JOB, length: 'loop' })
    expect((await post(path, { model: 'other', input })).status).toBe(400)
  },
)

test('people are told in a few lines', () => {
  expect(estimateLines(ESTIMATE)).toBe(`result   250 frames, 10.00 s, 640x360 at 25 fps
faces    1 in the first second
         [200, 80, 380, 300] in frame 0, confidence 0.98
takes    4.2 s, as jobs like it took here
`)
  const unknown = estimateLines({ ...ESTIMATE, faces: [], expected_sec: null })
  expect(unknown).toContain('faces    none in the first second')
  expect(unknown).toContain('takes    unknown until a job was done here')
  expect(estimateLines(REFUSED)).toBe('refused: NO_FACE: no face was found\n')
  expect(estimateLines(new InputError('INVALID_JOB', 'no'))).toBe('INVALID_JOB: no\n')
})
