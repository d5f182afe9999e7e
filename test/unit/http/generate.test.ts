import { describe, expect, test } from 'vitest'
import { CanceledError, InputError, UpstreamError, WorkerError } from '../../../handler/errors.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'
import { JOB } from '../../helpers/jobs/controlled-jobs.ts'

const OLD_JOB = {
  ...{ musetalk_job_id: 'j1', ...JOB, aspect_ratio: '1:1', resolution: '512x512', params: {} },
}
const SALAD = { headers: { 'salad-job-id': 'f0f0f0f0-0000-4000-8000-000000000001' } }

describe('POST /generate', () => {
  test('answers the legacy worker’s body when the video is stored', async () => {
    const { post, next } = heldApp()
    const answer = post('/generate', OLD_JOB)
    ;(await next()).succeed()
    const { status, body } = await answer
    expect(status).toBe(200)
    expect(body).toMatchObject({
      ...{ status: 'success', musetalk_job_id: 'j1', error: null, deduplicated: false },
      output_url: 'http://worker.test/files/j1.mp4',
      metrics: {
        ...{ GENERATION_TIME_SEC: 0.2, PEAK_RAM_KB: 10240, gpu_class: 'none', total_time: 0.8 },
        stage_times: {
          ...{ download: 0.1, validation: 0.1, preprocessing: 0.2, inference: 0.2, upload: 0.1 },
        },
      },
    })
  })

  test('a stored answer says so', async () => {
    const { post, next, calls } = heldApp()
    const first = post('/generate', OLD_JOB)
    ;(await next()).succeed()
    await first
    const { body } = await post('/generate', OLD_JOB)
    expect(body).toMatchObject({ status: 'success', deduplicated: true })
    expect(calls).toHaveLength(1)
  })

  test.each([
    [new InputError('NO_FACE', 'no face'), 422, 'media_error'],
    [new UpstreamError('DOWNLOAD_FAILED', '404', { retryable: false }), 422, 'media_error'],
    [new UpstreamError('DOWNLOAD_FAILED', '503'), 500, 'processing_error'],
    [new UpstreamError('UPLOAD_FAILED', '503'), 500, 'processing_error'],
    [new WorkerError('OUT_OF_MEMORY', 'memory'), 500, 'processing_error'],
    [new CanceledError('DEADLINE', 'late'), 500, 'processing_error'],
    [new CanceledError('SHUTDOWN', 'bye'), 500, 'processing_error'],
    [new WorkerError('BUG', 'bug'), 500, 'unknown_error'],
  ])('%s is answered with %i %s', async (error, status, error_type) => {
    const { post, next } = heldApp()
    const answer = post('/generate', OLD_JOB)
    ;(await next()).fail(Object.assign(error, { stage: 'avatar' }))
    const { body, ...rest } = await answer
    expect(rest.status).toBe(status)
    expect(body).toMatchObject({
      ...{ status: 'failed', error_type, error_message: error.message, stage: 'preprocessing' },
      ...{ retryable: error.retryable, musetalk_job_id: 'j1' },
      error: { code: error.code, stage: 'avatar', retryable: error.retryable },
    })
    expect(body).not.toHaveProperty('stack_trace')
  })

  test('a violation of the schema names every bad field where the legacy worker’s callers look', async () => {
    const { post, calls } = heldApp()
    const { status, body } = await post('/generate', { ...OLD_JOB, audio_url: 5, color: 'red' })
    expect(status).toBe(422)
    expect(body).toMatchObject({ error_type: 'media_error', error: { code: 'INVALID_JOB' } })
    expect(body.detail.map(({ loc }: { loc: string[] }) => loc)).toEqual(
      expect.arrayContaining([
        ['body', 'audio_url'],
        ['body', 'color'],
      ]),
    )
    expect(calls).toEqual([])
  })
})

describe('POST /generate from Salad’s side-car', () => {
  test.each([
    [new InputError('NO_FACE', 'no face'), 200, 'failed'],
    [new UpstreamError('DOWNLOAD_FAILED', '404', { retryable: false }), 200, 'failed'],
    [new UpstreamError('UPLOAD_FAILED', 'denied', { retryable: false }), 200, 'failed'],
    [new WorkerError('BUG', 'bug'), 200, 'failed'],
    [new UpstreamError('DOWNLOAD_FAILED', '503'), 503, 'failed'],
    [new UpstreamError('UPLOAD_FAILED', '503'), 503, 'failed'],
    [new WorkerError('DISK_FULL', 'full'), 503, 'failed'],
    [new CanceledError('DEADLINE', 'late'), 503, 'failed'],
    [new CanceledError('SHUTDOWN', 'bye'), 503, 'failed'],
    [new WorkerError('OUT_OF_MEMORY', 'memory'), 500, 'failed'],
    [new WorkerError('ENGINE_LOST', 'gone'), 500, 'failed'],
    [new CanceledError('CANCELED', 'stop'), 200, 'canceled'],
  ])('%s is answered with %i %s', async (error, status, said) => {
    const { post, next } = heldApp()
    const answer = post('/generate', JOB, SALAD)
    ;(await next()).fail(error)
    const { body, ...rest } = await answer
    expect(rest.status).toBe(status)
    expect(body).toMatchObject({ status: said, error: { code: error.code } })
  })

  test('success is a 200 that says succeeded, and the queue’s id names the job', async () => {
    const { post, next } = heldApp()
    const answer = post('/generate', JOB, SALAD)
    const held = await next()
    expect(held.id).toBe(SALAD.headers['salad-job-id'])
    held.succeed()
    expect(await answer).toMatchObject({ status: 200, body: { status: 'succeeded' } })
  })

  test.each(['[]', '"text"', '5', 'null', '{', '{"video_url":5}'])(
    'the input %s, which no retry can mend, ends the queue’s job',
    async (input) => {
      const { post } = heldApp()
      const { status, body } = await post('/generate', input, SALAD)
      expect(status).toBe(200)
      expect(body).toMatchObject({ status: 'failed', error: { code: 'INVALID_JOB' } })
    },
  )

  test('a second job at once, and one while draining, go back to the queue', async () => {
    const { post, next, stopping } = heldApp({}, { queueLimit: 0 })
    const first = post('/generate', JOB, SALAD)
    const held = await next()
    const other = { headers: { 'salad-job-id': 'another' } }
    expect(await post('/generate', JOB, other)).toMatchObject({ status: 429 })
    stopping.soon()
    expect(await post('/generate', JOB, other)).toMatchObject({ status: 503 })
    held.succeed()
    await first
  })

  test('a retry of a finished job is answered from memory', async () => {
    const { post, next, calls } = heldApp()
    const first = post('/generate', JOB, SALAD)
    ;(await next()).succeed()
    await first
    const { status, body } = await post('/generate', JOB, SALAD)
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'succeeded', deduplicated: true })
    expect(calls).toHaveLength(1)
  })
})
