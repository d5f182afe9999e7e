import { InputError, type JobError } from '../../../handler/errors.ts'
import type { JobResult } from '../../../handler/events/job-events.ts'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import * as v from 'valibot'
import { schemaComponent } from '../describe-operation.ts'
import { detailEntries, JobFailure, resultEntries } from '../response-schemas.ts'
import { legacyMetrics, LEGACY_STAGE_NAMES } from '../../jobs/legacy-metrics.ts'

interface ErrorResponse {
  status: ContentfulStatusCode
  body: Record<string, unknown>
}

/** The legacy worker's answer, with our own result beside it. */
export function legacyResponse(
  result: JobResult,
  { salad, stored, gpuClass }: { salad: boolean; stored: boolean; gpuClass: string },
) {
  return {
    ...result,
    status: salad ? 'succeeded' : 'success',
    musetalk_job_id: result.job_id,
    deduplicated: result.deduplicated || stored,
    metrics: legacyMetrics(result, gpuClass),
    error: null,
  }
}

/** The legacy worker's three kinds of failure, without its stack traces. */
export function generateError(error: JobError): ErrorResponse {
  const isFinal = !error.retryable && error.code === 'DOWNLOAD_FAILED'
  if (error.code === 'JOB_CONFLICT') return { status: 409, body: legacyError('media_error', error) }
  if (error instanceof InputError || isFinal)
    return { status: 422, body: legacyError('media_error', error) }
  const kind = error.code === 'BUG' ? 'unknown_error' : 'processing_error'
  return { status: 500, body: legacyError(kind, error) }
}

/** Faults that a fresh engine, or another machine, would not have. */
const NODE_FAULTS = new Set(['OUT_OF_MEMORY', 'ENGINE_LOST', 'MODEL_BROKEN'])

/**
 * Salad's sidecar takes 408, 429 and 5xx as "try elsewhere", four times at most, and discards the
 * body; anything else ends the job as a success with the body as its output. So only what another try
 * can mend may be an error.
 */
export function saladError(error: JobError): ErrorResponse {
  const { body } = generateError(error)
  if (error.code === 'CANCELED') return { status: 200, body: { ...body, status: 'canceled' } }
  if (error.code === 'BUSY') return { status: 429, body }
  if (!error.retryable) return { status: 200, body }
  return { status: NODE_FAULTS.has(error.code) ? 500 : 503, body }
}

function legacyError(error_type: string, error: JobError) {
  const failure = error.toJSON()
  const stage = failure.code === 'INVALID_JOB' ? 'validation' : (failure.stage ?? 'unknown')
  return {
    status: 'failed',
    error_type,
    error_message: failure.message,
    stage: LEGACY_STAGE_NAMES[stage] ?? (stage === 'validation' ? stage : 'unknown'),
    details: {},
    retryable: failure.retryable,
    stage_times: {},
    error: failure,
  }
}

const seconds = v.record(v.string(), v.number())

export const LegacyResult = schemaComponent(
  'LegacyResult',
  v.object({
    ...resultEntries,
    status: v.picklist(['success', 'succeeded']),
    musetalk_job_id: v.string(),
    metrics: v.object({
      GENERATION_TIME_SEC: v.number(),
      SCRIPT_WALL_TIME_SEC: v.number(),
      PEAK_VRAM_MIB: v.null(),
      PEAK_RAM_KB: v.number(),
      gpu_class: v.string(),
      stage_times: seconds,
      total_time: v.number(),
    }),
    error: v.null(),
  } satisfies Record<keyof ReturnType<typeof legacyResponse>, v.GenericSchema>),
)

export const LegacyError = schemaComponent(
  'LegacyError',
  v.object({
    musetalk_job_id: v.optional(v.string()),
    status: v.picklist(['failed', 'canceled']),
    error_type: v.picklist(['media_error', 'processing_error', 'unknown_error']),
    error_message: v.string(),
    stage: v.string(),
    details: v.object({}),
    retryable: v.boolean(),
    stage_times: seconds,
    error: JobFailure,
    ...detailEntries,
  } satisfies Record<keyof ReturnType<typeof legacyError>, v.GenericSchema> &
    Record<string, v.GenericSchema>),
)
