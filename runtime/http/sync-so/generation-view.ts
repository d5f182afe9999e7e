import * as v from 'valibot'
import type { JobError } from '../../../handler/errors.ts'
import type { Job } from '../../jobs/job-record.ts'
import { schemaComponent } from '../describe-operation.ts'
import type { GenerationRequest } from './generation-request.ts'

type GenerationStatus = 'PENDING' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'REJECTED'

const STATUSES: Record<Job['state'], GenerationStatus> = {
  queued: 'PENDING',
  running: 'PROCESSING',
  succeeded: 'COMPLETED',
  failed: 'FAILED',
  canceled: 'REJECTED',
}

/** A job as sync.so's `Generation`; fields without a value are left out. */
export function generationView(job: Job, request: GenerationRequest) {
  const { id, state, createdAt, result, error } = job
  const { model, input, options, webhookUrl } = request
  return {
    id,
    createdAt: createdAt.toISOString(),
    status: STATUSES[state],
    ...{ model, input },
    ...(options && { options }),
    ...(webhookUrl && { webhookUrl }),
    ...(result && { outputUrl: result.output_url, outputDuration: result.duration_sec }),
    ...(error && { error: error.message, error_code: errorCodeOf(error) }),
  }
}

/** The nearest of sync.so's codes. @see https://sync.so/docs/developer-guides/error-handling */
function errorCodeOf({ code, message }: JobError): string {
  switch (code) {
    case 'DOWNLOAD_FAILED':
    case 'BLOCKED_URL':
      return `generation_input_${message.startsWith('audio') ? 'audio' : 'video'}_inaccessible`
    case 'MEDIA_UNREADABLE':
      return 'generation_media_metadata_missing'
    case 'INVALID_JOB':
    case 'MEDIA_TOO_LARGE':
    case 'MEDIA_TOO_LONG':
    case 'MEDIA_TOO_SMALL':
    case 'NO_FACE':
    case 'JOB_CONFLICT':
      return 'generation_input_validation_failed'
    case 'DEADLINE':
      return 'generation_timeout'
    case 'UPLOAD_FAILED':
    case 'DISK_FULL':
      return 'generation_infra_storage_error'
    case 'OUT_OF_MEMORY':
      return 'generation_infra_resource_exhausted'
    case 'BUSY':
    case 'SHUTDOWN':
    case 'ENGINE_LOST':
      return 'generation_infra_service_unavailable'
    default:
      return 'generation_unhandled_error'
  }
}

export const Generation = schemaComponent(
  'Generation',
  v.object({
    id: v.string(),
    createdAt: v.pipe(v.string(), v.isoTimestamp()),
    status: v.picklist(['PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'REJECTED']),
    model: v.string(),
    input: v.array(v.record(v.string(), v.unknown())),
    options: v.optional(v.record(v.string(), v.unknown())),
    webhookUrl: v.optional(v.string()),
    outputUrl: v.optional(v.string()),
    outputDuration: v.optional(v.number()),
    error: v.optional(v.string()),
    error_code: v.optional(v.string()),
  } satisfies Record<keyof ReturnType<typeof generationView>, v.GenericSchema>),
)

/** sync.so's error body. */
export const SyncError = schemaComponent(
  'SyncError',
  v.object({ message: v.union([v.string(), v.array(v.string())]), statusCode: v.number() }),
)
