import type { ErrorCode, JobError } from '../../../handler/errors.ts'

export type Fault = JobError['fault']

/** Who must act, by the code that a worker says. */
export const FAULTS: Readonly<Record<ErrorCode, Fault>> = {
  ...{ INVALID_JOB: 'caller', BLOCKED_URL: 'caller', MEDIA_UNREADABLE: 'caller' },
  ...{ MEDIA_TOO_LARGE: 'caller', MEDIA_TOO_LONG: 'caller', MEDIA_TOO_SMALL: 'caller' },
  ...{ NO_FACE: 'caller', JOB_CONFLICT: 'caller' },
  ...{ DOWNLOAD_FAILED: 'upstream', UPLOAD_FAILED: 'upstream' },
  ...{ OUT_OF_MEMORY: 'worker', DISK_FULL: 'worker', MODEL_BROKEN: 'worker' },
  ...{ ENGINE_LOST: 'worker', FFMPEG_MISSING: 'worker', BUSY: 'worker', BUG: 'worker' },
  ...{ CANCELED: 'nobody', DEADLINE: 'nobody', SHUTDOWN: 'nobody' },
}

export interface RemoteFailure {
  code: string
  message: string
  stage?: string | undefined
  retryable: boolean
}

/** Why a job that was given away has no result: what its worker said, or why that was not heard. */
export class SubmitError extends Error {
  override readonly name = 'SubmitError'
  readonly code: string
  readonly stage: string | undefined
  readonly retryable: boolean
  readonly fault: Fault

  /** @param fault of a code that is not a worker's */
  constructor(failure: RemoteFailure, fault: Fault = 'worker', options?: ErrorOptions) {
    super(failure.message, options)
    this.code = failure.code
    this.stage = failure.stage
    this.retryable = failure.retryable
    this.fault = Object.hasOwn(FAULTS, failure.code) ? FAULTS[failure.code as ErrorCode] : fault
  }

  toJSON(): RemoteFailure {
    const { code, message, stage, retryable } = this
    return { code, message, ...(stage && { stage }), retryable }
  }
}

/** A failure as JSON in a text, as queues have it; any other text is what happened. */
export function failureFromText(text: string): SubmitError {
  const failure = readFailure(text)
  if (failure) return new SubmitError(failure)
  const [, code, message] = /^([A-Z_]+): (.+)$/s.exec(text) ?? []
  if (code !== undefined && Object.hasOwn(FAULTS, code)) {
    return new SubmitError({ code, message: message!, retryable: false })
  }
  return new SubmitError({ code: 'UNKNOWN', message: text || 'it says no reason', retryable: true })
}

/** Ours, or RunPod's object, which calls the message otherwise. */
function readFailure(text: string): RemoteFailure | undefined {
  try {
    const { code, stage, retryable, ...said } = JSON.parse(text) as Record<string, unknown>
    const message = said['message'] ?? said['error_message']
    if (typeof code !== 'string' || typeof message !== 'string') return undefined
    return {
      code,
      message,
      retryable: retryable === true,
      ...(typeof stage === 'string' && { stage }),
    }
  } catch {
    return undefined
  }
}
