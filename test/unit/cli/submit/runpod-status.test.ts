import { expect, test } from 'vitest'
import { readStatus } from '../../../../runtime/cli/submit/runpod-destination.ts'

const job =
  (status: string, more: object = {}) =>
  () =>
    readStatus({ id: 'j', status, ...more })

test('a job that waits or runs has progress', () => {
  expect(job('IN_QUEUE')().progress).toMatchObject({ status: 'queued', progress: 0 })
  const told = { phase: 'inferring', progress: 0.4, eta_sec: 3, metrics: { frames_done: 1 } }
  expect(job('IN_PROGRESS', { output: told })().progress).toEqual({ status: 'running', ...told })
  const begun = { status: 'running', phase: 'starting', progress: 0 }
  expect(job('IN_PROGRESS')().progress).toMatchObject(begun)
})

test('one that is done has a result, if a worker of ours did it', () => {
  const output = { output_url: 'https://a.example/v.mp4', frames: 3 }
  expect(job('COMPLETED', { output })().result).toEqual(output)
  expect(job('COMPLETED', { output: 'hello' })).toThrow(/no result of a musetalk-worker/)
})

test('one that is not says why, and who must act', () => {
  const failing = (run: () => unknown) => {
    try {
      run()
    } catch (error) {
      return error
    }
    return undefined
  }
  expect(failing(job('FAILED', { error: 'NO_FACE: none' }))).toMatchObject({ code: 'NO_FACE' })
  expect(failing(job('FAILED', {}))).toMatchObject({ code: 'UNKNOWN', retryable: true })
  expect(failing(job('CANCELLED'))).toMatchObject({ code: 'CANCELED', fault: 'nobody' })
  expect(failing(job('TIMED_OUT'))).toMatchObject({ code: 'DEADLINE', fault: 'nobody' })
})
