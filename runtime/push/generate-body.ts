import { InputError, type JobError } from '../../handler/errors.ts'
import type { JobResult } from '../../handler/result.ts'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

interface Answer {
  status: ContentfulStatusCode
  body: Record<string, unknown>
}

/** The predecessor's names for our stages. */
const STAGE: Record<string, string> = {
  download: 'download',
  probe: 'validation',
  speech: 'preprocessing',
  avatar: 'preprocessing',
  render: 'inference',
  generate: 'inference',
  composite: 'postprocessing',
  encode: 'postprocessing',
  upload: 'upload',
}

/** The predecessor's answer, with our own result beside it. */
export function generated(
  result: JobResult,
  { salad, stored, gpuClass }: { salad: boolean; stored: boolean; gpuClass: string },
) {
  const { stage_times: s, total_time, peak_memory_mb, job_id } = result
  const round = (seconds: number) => Math.round(seconds * 1000) / 1000
  return {
    ...result,
    status: salad ? 'succeeded' : 'success',
    musetalk_job_id: job_id,
    deduplicated: result.deduplicated || stored,
    metrics: {
      GENERATION_TIME_SEC: s.generate,
      SCRIPT_WALL_TIME_SEC: round(Math.max(0, total_time - s.download - s.upload)),
      PEAK_VRAM_MIB: null,
      PEAK_RAM_KB: peak_memory_mb * 1024,
      gpu_class: gpuClass,
      stage_times: {
        download: s.download,
        validation: s.probe,
        preprocessing: round(s.speech + s.avatar),
        inference: s.generate,
        postprocessing: round(s.composite + s.encode),
        upload: s.upload,
      },
      total_time,
    },
    error: null,
  }
}

/** The predecessor's three kinds of failure, without its stack traces. */
export function generateError(error: JobError): Answer {
  const final = !error.retryable && error.code === 'DOWNLOAD_FAILED'
  if (error.code === 'JOB_CONFLICT') return { status: 409, body: flat('media_error', error) }
  if (error instanceof InputError || final) return { status: 422, body: flat('media_error', error) }
  const kind = error.code === 'BUG' ? 'unknown_error' : 'processing_error'
  return { status: 500, body: flat(kind, error) }
}

/** Faults that a fresh engine, or another machine, would not have. */
const NODE_FAULTS = new Set(['OUT_OF_MEMORY', 'ENGINE_LOST', 'MODEL_BROKEN'])

/**
 * Salad's sidecar takes 408, 429 and 5xx as "try elsewhere", four times at most, and discards the
 * body; anything else ends the job as a success with the body as its output. So only what another try
 * can mend may be an error.
 */
export function saladError(error: JobError): Answer {
  const { body } = generateError(error)
  if (error.code === 'CANCELED') return { status: 200, body: { ...body, status: 'canceled' } }
  if (error.code === 'BUSY') return { status: 429, body }
  if (!error.retryable) return { status: 200, body }
  return { status: NODE_FAULTS.has(error.code) ? 500 : 503, body }
}

function flat(error_type: string, error: JobError) {
  const failure = error.toJSON()
  const stage = failure.code === 'INVALID_JOB' ? 'validation' : (failure.stage ?? 'unknown')
  return {
    status: 'failed',
    error_type,
    error_message: failure.message,
    stage: STAGE[stage] ?? (stage === 'validation' ? stage : 'unknown'),
    details: {},
    retryable: failure.retryable,
    stage_times: {},
    error: failure,
  }
}
