import { ModelError } from '../models/inference/errors.ts'
import { PixelError } from '../models/pixels/errors.ts'

type InputCode =
  | 'INVALID_JOB'
  | 'BLOCKED_URL'
  | 'MEDIA_UNREADABLE'
  | 'MEDIA_TOO_LARGE'
  | 'MEDIA_TOO_LONG'
  | 'MEDIA_TOO_SMALL'
  | 'NO_FACE'
  | 'JOB_CONFLICT'
type UpstreamCode = 'DOWNLOAD_FAILED' | 'UPLOAD_FAILED'
type WorkerCode =
  'OUT_OF_MEMORY' | 'DISK_FULL' | 'MODEL_BROKEN' | 'ENGINE_LOST' | 'FFMPEG_MISSING' | 'BUSY' | 'BUG'
type CanceledCode = 'CANCELED' | 'DEADLINE' | 'SHUTDOWN'
export type ErrorCode = InputCode | UpstreamCode | WorkerCode | CanceledCode

/** What leaves the process when a job fails: no stack, no cause, no path. */
export interface ErrorPayload {
  code: ErrorCode
  message: string
  stage?: string
  retryable: boolean
}

interface JobErrorOptions extends ErrorOptions {
  /** Overrides the code's default: `false` for a 404, which no retry can mend. */
  retryable?: boolean
  stage?: string
}

/** The only kind of error `handle()` rejects with. The subclass says who must act. */
export abstract class JobError extends Error {
  abstract readonly fault: 'caller' | 'upstream' | 'worker' | 'nobody'
  readonly code: ErrorCode
  readonly retryable: boolean
  /** The innermost stage of the job that it escaped from. */
  readonly stage: string | undefined

  constructor(
    code: ErrorCode,
    message: string,
    retryable: boolean,
    options: JobErrorOptions | undefined,
  ) {
    super(message, options)
    this.name = new.target.name
    this.code = code
    this.retryable = options?.retryable ?? retryable
    this.stage = options?.stage
  }

  toJSON(): ErrorPayload {
    const { code, message, stage, retryable } = this
    return { code, message, ...(stage && { stage }), retryable }
  }
}

/** One thing that is wrong with a job: where, and what. */
export interface ValidationIssue {
  path: (string | number)[]
  message: string
}

/** The job or its media is wrong: trying again cannot help. */
export class InputError extends JobError {
  readonly fault = 'caller'
  /** Field by field, for an INVALID_JOB; not part of what leaves the process by itself. */
  readonly problems: readonly ValidationIssue[]

  constructor(
    code: InputCode,
    message: string,
    options?: JobErrorOptions & { problems?: readonly ValidationIssue[] },
  ) {
    super(code, message, false, options)
    this.problems = options?.problems ?? []
  }

  /** The same, with the field of the job that it is about. */
  withField(field: string): InputError {
    return new InputError(this.code as InputCode, `${field}: ${this.message}`, {
      cause: this.cause,
    })
  }
}

/** Somebody else's server failed. */
export class UpstreamError extends JobError {
  readonly fault = 'upstream'
  constructor(code: UpstreamCode, message: string, options?: JobErrorOptions) {
    super(code, message, true, options)
  }
}

/** This machine, its installation or this program failed: another worker may succeed. */
export class WorkerError extends JobError {
  readonly fault = 'worker'
  constructor(code: WorkerCode, message: string, options?: JobErrorOptions) {
    super(code, message, code !== 'BUG', options)
  }
}

/** Nobody failed: the job was stopped. Used as the reason of an AbortSignal. */
export class CanceledError extends JobError {
  readonly fault = 'nobody'
  constructor(code: CanceledCode, message: string, options?: JobErrorOptions) {
    super(code, message, code !== 'CANCELED', options)
  }
}

const CLASSES = {
  caller: InputError,
  upstream: UpstreamError,
  worker: WorkerError,
  nobody: CanceledError,
}

type AnyOptions = JobErrorOptions & { problems?: readonly ValidationIssue[] }

function createJobError(
  fault: JobError['fault'],
  code: ErrorCode,
  message: string,
  options: AnyOptions,
): JobError {
  type Constructor = new (code: ErrorCode, message: string, options: AnyOptions) => JobError
  return new (CLASSES[fault] as Constructor)(code, message, options)
}

/** An error that crossed from another process, as its class again. `cause` is its stack there. */
export function deserializeError(
  failure: ErrorPayload & { fault: JobError['fault']; cause?: string },
): JobError {
  const { code, message, stage, retryable, fault, cause } = failure
  return createJobError(fault, code, message, {
    retryable,
    ...(stage !== undefined && { stage }),
    ...(cause !== undefined && { cause: Object.assign(new Error(), { stack: cause }) }),
  })
}

/**
 * Whatever was thrown, as a JobError. An aborted signal explains everything that follows it, so its
 * reason wins over the error that happened to surface.
 *
 * @param stage that it escapes from; the innermost one stays
 */
export function asJobError(thrown: unknown, signal?: AbortSignal, stage?: string): JobError {
  const error = toJobError(thrown, signal)
  return stage === undefined || error.stage !== undefined ? error : withStage(error, stage)
}

/** A copy: one reason may end several jobs, each in another stage. */
function withStage(error: JobError, stage: string): JobError {
  const { fault, code, message, retryable, cause, stack } = error
  const problems = error instanceof InputError && { problems: error.problems }
  const options = { stage, retryable, ...(cause !== undefined && { cause }), ...problems }
  return Object.assign(createJobError(fault, code, message, options), { stack })
}

function toJobError(thrown: unknown, signal: AbortSignal | undefined): JobError {
  if (signal?.aborted && !(thrown instanceof CanceledError)) {
    return asCanceled(signal.reason, thrown)
  }
  if (thrown instanceof JobError) return thrown
  if (thrown instanceof ModelError) return fromModel(thrown)
  if (thrown instanceof PixelError && thrown.kind !== 'operation') return fromPixels(thrown)
  if (isErrno(thrown, 'ENOSPC') || isErrno(thrown, 'EDQUOT')) {
    return new WorkerError('DISK_FULL', 'the scratch disk is full', { cause: thrown })
  }
  const fault = DISK_FAULTS.find((code) => isErrno(thrown, code))
  if (fault !== undefined) {
    const message = `the scratch disk cannot be read or written (${fault})`
    return new WorkerError('DISK_FULL', message, { cause: thrown })
  }
  if (isScarcity(thrown)) {
    const message = 'the worker ran out of memory, file descriptors or threads'
    return new WorkerError('OUT_OF_MEMORY', message, { cause: thrown })
  }
  return new WorkerError('BUG', 'unexpected failure inside the worker; see its log', {
    cause: thrown,
  })
}

/** A disk that breaks, that the system has made read-only for that, or that is another machine's. */
const DISK_FAULTS = ['EIO', 'EROFS', 'ESTALE']

const SCARCE = ['ENOMEM', 'EMFILE', 'ENFILE', 'EAGAIN', 'ERR_WORKER_OUT_OF_MEMORY']

/** What the system and V8 throw when there is no more of something; V8 has texts only. */
const isScarcity = (thrown: unknown): boolean =>
  SCARCE.some((code) => isErrno(thrown, code)) ||
  (thrown instanceof Error &&
    /out of memory|allocation failed|Invalid array buffer length/i.test(thrown.message))

/** `models/` knows no jobs, so its errors get their code here. */
function fromModel(error: ModelError): WorkerError {
  if (error.kind === 'memory') {
    const message = 'out of memory while running a model; use a smaller BATCH_SIZE or a larger GPU'
    return new WorkerError('OUT_OF_MEMORY', message, { cause: error })
  }
  return new WorkerError('MODEL_BROKEN', error.message, { cause: error })
}

function fromPixels(error: PixelError): WorkerError {
  if (error.kind === 'thread')
    return new WorkerError('ENGINE_LOST', error.message, { cause: error })
  const message = 'out of memory while working on a frame; use a smaller video or more memory'
  return new WorkerError('OUT_OF_MEMORY', message, { cause: error })
}

function asCanceled(reason: unknown, cause: unknown): JobError {
  if (reason instanceof JobError) return reason
  if (reason instanceof DOMException && reason.name === 'TimeoutError') {
    return new CanceledError('DEADLINE', 'the job ran past its time limit', { cause })
  }
  return new CanceledError('CANCELED', 'the job was canceled', { cause })
}

export const isErrno = (error: unknown, code: string): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === code

/** What whoever runs this machine can do about a model that does not start. */
export const MODEL_ERROR_HINTS: Readonly<Record<ModelError['kind'], string>> = {
  bundle:
    'pull the bundle (musetalk-worker bundle pull, or BUNDLE_PULL=true), or set MODEL_BUNDLE to a good one',
  device: 'check the driver with nvidia-smi, or set DEVICE=cpu',
  memory: 'stop what else uses the memory, or take a larger machine',
}

/** Also the reason of jobs that are handed back. */
export const shutdownError = () =>
  new CanceledError('SHUTDOWN', 'the worker is shutting down; send the job again')

export const deadlineError = (what: string) => new CanceledError('DEADLINE', what)

export const queueFullError = (waiting: number) =>
  new WorkerError('BUSY', `the queue is full: ${waiting} jobs are waiting`)

export const idConflictError = (id: string, state: string) =>
  new InputError('JOB_CONFLICT', `job "${id}" is ${state} with another input`)
