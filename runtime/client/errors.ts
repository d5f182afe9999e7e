import type { ErrorPayload } from '../../handler/errors.ts'

/** A field of a job that is not valid. */
export interface FieldProblem {
  /** Where in the request, such as `['body', 'output', 'crf']`. */
  loc: (string | number)[]
  msg: string
}

/** The worker answered, and did not do it. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused'
  /** HTTP status. */
  readonly status: number
  /** docs/errors.md tells what to do. */
  readonly code: string
  /** Whether the same request may be taken later. */
  readonly retryable: boolean
  readonly problems: readonly FieldProblem[]

  constructor(status: number, body: RefusalBody) {
    const { code, message, retryable } = body.error ?? {}
    super(message ?? `the worker answered ${status}`)
    this.status = status
    this.code = code ?? 'UNKNOWN'
    this.retryable = retryable ?? [429, 502, 503, 504].includes(status)
    this.problems = body.detail ?? []
  }
}

/** What a refusal says; a proxy's own says nothing of it. */
export interface RefusalBody {
  error?: Partial<Omit<ErrorPayload, 'code'>> & { code?: string }
  detail?: FieldProblem[]
}

/** There was no answer for as long as the client is patient; `cause` is what was tried last. */
export class WorkerUnreachable extends Error {
  override readonly name = 'WorkerUnreachable'
  readonly code = 'UNREACHABLE'
  readonly retryable = true
}

/** A job ended without a video; `code`, `stage` and `retryable` are the worker's. */
export class JobFailed extends Error {
  override readonly name = 'JobFailed'
  readonly jobId: string
  readonly code: string
  readonly stage: string | undefined
  readonly retryable: boolean

  constructor(jobId: string, { code, message, stage, retryable }: ErrorPayload) {
    super(`job ${jobId}: ${message}`)
    this.jobId = jobId
    this.code = code
    this.stage = stage
    this.retryable = retryable
  }
}
