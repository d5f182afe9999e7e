import * as v from 'valibot'
import type { ErrorPayload } from '../../handler/errors.ts'
import type { EventBase, JobResult, StoredPicture } from '../../handler/events/job-events.ts'
import type { FoundFace } from '../../handler/render/render-options.ts'
import { EVENT_TYPES } from '../../handler/job/webhook-schema.ts'
import { schemaComponent } from './describe-operation.ts'

const count = v.pipe(v.number(), v.integer())
const seconds = (...stages: string[]) =>
  v.object(Object.fromEntries(stages.map((stage) => [stage, v.number()])))
const withDescription = <S extends v.GenericSchema>(schema: S, text: string) =>
  v.pipe(schema, v.description(text))

const pictureEntries = {
  url: v.string(),
  key: v.string(),
  bytes: count,
} satisfies Record<keyof StoredPicture, v.GenericSchema>

/** A face in a frame of the source. */
export const faceEntries = {
  frame: count,
  box: v.tuple([count, count, count, count]),
  confidence: v.number(),
} satisfies Record<keyof FoundFace, v.GenericSchema>

/** Of a result; the legacy worker's answer has them too, under a status of its own. */
export const resultEntries = {
  job_id: v.string(),
  status: v.literal('succeeded'),
  output_url: withDescription(
    v.string(),
    'A URL, or a path where the directory store serves nobody.',
  ),
  key: v.string(),
  bytes: count,
  sha256: v.string(),
  poster: withDescription(v.optional(v.object(pictureEntries)), 'Where the job wanted one.'),
  preview: withDescription(v.optional(v.object(pictureEntries)), 'Where the job wanted one.'),
  width: count,
  height: count,
  duration_sec: v.number(),
  fps: v.number(),
  frames: count,
  frames_without_face: count,
  face: withDescription(
    v.optional(
      v.object({
        chosen: v.picklist(['largest', 'speaking', 'box', 'at', 'boxes']),
        ...faceEntries,
        sureness: withDescription(
          v.optional(v.number()),
          'How sure it is that they speak in the source, 0..1; where they were chosen by that.',
        ),
      }),
    ),
    'Whose mouth was drawn: where they were in the first source frame in which they were seen.',
  ),
  bundle: v.object({ name: v.string(), version: v.string(), id: v.string() }),
  stage_times: withDescription(
    seconds('download', 'probe', 'speech', 'avatar', 'generate', 'composite', 'encode', 'upload'),
    'Seconds; they overlap.',
  ),
  total_time: v.number(),
  realtime_factor: withDescription(v.number(), 'Below 1 is faster than real time.'),
  peak_memory_mb: v.number(),
  metadata: v.record(v.string(), v.unknown()),
  deduplicated: v.boolean(),
} satisfies Record<keyof JobResult, v.GenericSchema>

export const Result = schemaComponent('Result', v.object(resultEntries))

export const JobFailure = schemaComponent(
  'JobFailure',
  v.object({
    code: v.string(),
    message: v.string(),
    stage: v.optional(v.string()),
    retryable: v.boolean(),
  } satisfies Record<keyof ErrorPayload, v.GenericSchema>),
)

/** Each bad field of a job that is not valid. */
export const detailEntries = {
  detail: v.optional(
    v.array(
      v.object({
        loc: v.array(v.union([v.string(), v.number()])),
        msg: v.string(),
        type: v.string(),
      }),
    ),
  ),
}

export const progressEntries = {
  phase: v.picklist([
    'downloading',
    'inference',
    'inferring',
    'encoding',
    'uploading',
    'completed',
  ] satisfies EventBase['phase'][]),
  progress: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  eta_sec: v.nullable(v.number()),
  metrics: v.object({ frames_done: v.optional(count), frames_total: v.optional(count) }),
}

export const Event = schemaComponent(
  'Event',
  v.object({
    seq: count,
    job_id: v.string(),
    type: v.picklist(EVENT_TYPES),
    status: v.picklist(['running', 'succeeded', 'failed', 'canceled']),
    ...progressEntries,
    metadata: v.optional(v.record(v.string(), v.unknown())),
    at: v.pipe(v.string(), v.isoTimestamp()),
    result: v.optional(Result),
    error: v.optional(JobFailure),
  } satisfies Record<keyof EventBase, v.GenericSchema> & Record<string, v.GenericSchema>),
)

/** The job of a request body; its schema is that of the check, put in by openapi.ts. */
export const JobReference = schemaComponent('Job', v.looseObject({}))

export const RejectedJob = schemaComponent(
  'RejectedJob',
  v.object({ error: JobFailure, ...detailEntries }),
)
