import { describe, expect, test } from 'vitest'
import { asJobError, CanceledError, InputError } from '../../../handler/errors.ts'
import { JobError, UpstreamError, WorkerError } from '../../../handler/errors.ts'
import { ModelError } from '../../../models/inference/errors.ts'

const errno = (code: string) => Object.assign(new Error(`${code}: /secret/path`), { code })

describe('who must act, and whether a retry can help', () => {
  const input = ['INVALID_JOB', 'BLOCKED_URL', 'MEDIA_UNREADABLE', 'MEDIA_TOO_LARGE'] as const
  const media = ['MEDIA_TOO_LONG', 'MEDIA_TOO_SMALL', 'NO_FACE', 'JOB_CONFLICT'] as const
  const worker = ['OUT_OF_MEMORY', 'DISK_FULL', 'MODEL_BROKEN', 'ENGINE_LOST'] as const
  const all: [JobError, JobError['fault'], boolean][] = [
    ...[...input, ...media].map(
      (code) => [new InputError(code, ''), 'caller', false] as [JobError, 'caller', boolean],
    ),
    [new UpstreamError('DOWNLOAD_FAILED', ''), 'upstream', true],
    [new UpstreamError('UPLOAD_FAILED', ''), 'upstream', true],
    ...[...worker, 'FFMPEG_MISSING' as const, 'BUSY' as const].map(
      (code) => [new WorkerError(code, ''), 'worker', true] as [JobError, 'worker', boolean],
    ),
    [new WorkerError('BUG', ''), 'worker', false],
    [new CanceledError('CANCELED', ''), 'nobody', false],
    [new CanceledError('DEADLINE', ''), 'nobody', true],
    [new CanceledError('SHUTDOWN', ''), 'nobody', true],
  ]
  test.each(
    all.map(([error, fault, retryable]) => ({ code: error.code, error, fault, retryable })),
  )('$code: $fault, retryable $retryable', ({ error, fault, retryable }) =>
    expect(error).toMatchObject({ fault, retryable }),
  )
  test('an error may know better than its code: nothing mends a 404', () => {
    const error = new UpstreamError('DOWNLOAD_FAILED', 'gone', { retryable: false })
    expect(error.toJSON()).toEqual({ code: 'DOWNLOAD_FAILED', message: 'gone', retryable: false })
  })
})

test('what leaves the process has no stack and no cause', () => {
  const error = new WorkerError('BUG', 'it broke', { cause: errno('EACCES'), stage: 'encode' })
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    code: 'BUG',
    message: 'it broke',
    stage: 'encode',
    retryable: false,
  })
})

describe('asJobError', () => {
  test('leaves a job error as it is', () => {
    const error = new InputError('NO_FACE', 'nobody')
    expect(asJobError(error)).toBe(error)
  })
  test('calls what nobody foresaw a BUG, and keeps its text to the log', () => {
    const thrown = new TypeError('x is not a function at /srv/app.ts')
    const error = asJobError(thrown)
    expect(error).toMatchObject({ code: 'BUG', cause: thrown })
    expect(error.message).not.toContain('/srv')
  })
  test.each([undefined, null, 'text', 7])('takes anything that was thrown: %s', (thrown) => {
    expect(asJobError(thrown).code).toBe('BUG')
  })
  test.each(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'ESTALE'])(
    'knows a disk that is full or fails: %s',
    (code) => expect(asJobError(errno(code))).toMatchObject({ code: 'DISK_FULL', retryable: true }),
  )
  test.each([
    new RangeError('Array buffer allocation failed'),
    new DOMException('Data cannot be cloned, out of memory.', 'DataCloneError'),
    errno('EMFILE'),
    errno('ENOMEM'),
  ])('knows what is thrown when there is no more of something: %s', (thrown) => {
    expect(asJobError(thrown)).toMatchObject({ code: 'OUT_OF_MEMORY', retryable: true })
  })
  test.each([
    ['memory', 'OUT_OF_MEMORY'],
    ['device', 'MODEL_BROKEN'],
    ['bundle', 'MODEL_BROKEN'],
  ] as const)('gives a model error of kind %s the code %s', (kind, code) => {
    expect(asJobError(new ModelError(kind, 'x'))).toMatchObject({ code, retryable: true })
  })
  test('prefers the reason of an aborted signal to whatever surfaced after it', () => {
    const reason = new CanceledError('SHUTDOWN', 'the worker stops')
    expect(asJobError(errno('EPIPE'), AbortSignal.abort(reason))).toBe(reason)
    expect(asJobError(errno('EPIPE'), AbortSignal.abort()).code).toBe('CANCELED')
  })
  test('names the innermost stage that it escaped from, and keeps all else', () => {
    const problems = [{ path: ['fps'], message: 'must be a number' }]
    const cause = errno('EIO')
    const error = new InputError('INVALID_JOB', 'no job', { problems, cause })
    const marked = asJobError(asJobError(error, undefined, 'probe'), undefined, 'render')
    expect(marked).toBeInstanceOf(InputError)
    expect(marked).toMatchObject({ stage: 'probe', problems, cause, retryable: false })
    expect(marked.stack).toBe(error.stack)
    const model = asJobError(new ModelError('memory', 'x'), undefined, 'generate')
    expect(model).toMatchObject({ code: 'OUT_OF_MEMORY', stage: 'generate' })
    expect(asJobError('a text', undefined, 'encode')).toMatchObject({
      code: 'BUG',
      stage: 'encode',
    })
  })
  test('marks no reason that ends other jobs too', () => {
    const reason = new CanceledError('SHUTDOWN', 'the worker stops')
    const signal = AbortSignal.abort(reason)
    expect(asJobError(reason, signal, 'download').stage).toBe('download')
    expect(asJobError(reason, signal, 'upload').stage).toBe('upload')
    expect(reason.stage).toBeUndefined()
  })
  test('calls a timeout a DEADLINE', () => {
    const late = new DOMException('late', 'TimeoutError')
    expect(asJobError(errno('EPIPE'), AbortSignal.abort(late))).toMatchObject({
      code: 'DEADLINE',
      retryable: true,
    })
  })
})
