import { randomUUID } from 'node:crypto'
import * as v from 'valibot'
import { InputError } from './errors.ts'

const coordinate = v.pipe(v.number(), v.finite())
const Box = v.pipe(
  v.strictTuple([coordinate, coordinate, coordinate, coordinate]),
  v.check(
    ([x1, y1, x2, y2]) => x2 > x1 && y2 > y1,
    'must be [x1, y1, x2, y2] with x2 > x1, y2 > y1',
  ),
)

const Face = v.union(
  [
    v.literal('largest'),
    v.strictObject({ box: Box }),
    v.strictObject({ boxes: v.pipe(v.array(v.nullable(Box)), v.minLength(1)) }),
  ],
  'must be "largest", { box: [x1, y1, x2, y2] } or { boxes: [[x1, y1, x2, y2] | null, …] }',
)

const url = v.pipe(v.string(), v.minLength(1), v.maxLength(8192))

const Webhook = v.union(
  [url, v.strictObject({ url, events: v.optional(v.array(v.string())) })],
  'must be a URL or { url, events? }',
)

const Output = v.strictObject({
  url: v.optional(url),
  key: v.optional(
    v.pipe(v.string(), v.regex(/^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/), v.maxLength(512)),
  ),
  fit: v.optional(v.picklist(['source', 'contain', 'cover', 'stretch'])),
  crf: v.optional(v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(35)), 17),
  lossless: v.optional(v.boolean(), false),
  disposition: v.optional(v.pipe(v.string(), v.maxLength(256))),
})

const Id = v.pipe(
  v.string(),
  v.regex(
    /^(?!\.)[A-Za-z0-9._-]{1,200}$/,
    'must be 1 to 200 of A-Z a-z 0-9 . _ - without leading dot',
  ),
)

const Metadata = v.pipe(
  v.record(v.string(), v.unknown()),
  v.check((value) => JSON.stringify(value).length <= 4096, 'must be at most 4 KB of JSON'),
)

/** The wire schema: every field a job may have, and nothing else. */
export const JobSchema = v.pipe(
  v.strictObject({
    id: v.optional(Id),
    musetalk_job_id: v.optional(Id),
    video_url: v.optional(url),
    video: v.optional(url),
    audio_url: v.optional(url),
    audio: v.optional(url),
    face: v.optional(Face, 'largest'),
    length: v.optional(v.picklist(['audio', 'video', 'shortest']), 'audio'),
    silence: v.optional(v.picklist(['model', 'source']), 'model'),
    fps: v.optional(v.pipe(v.number(), v.minValue(5), v.maxValue(120))),
    mask: v.optional(v.picklist(['jaw', 'raw', 'neck']), 'jaw'),
    compat: v.optional(v.literal('reference')),
    output: v.optional(Output, {}),
    aspect_ratio: v.optional(v.pipe(v.string(), v.regex(/^\d+(\.\d+)?:\d+(\.\d+)?$/))),
    resolution: v.optional(v.pipe(v.string(), v.regex(/^\d{2,5}x\d{2,5}$/))),
    webhook: v.optional(Webhook),
    metadata: v.optional(Metadata, {}),
    force: v.optional(v.boolean(), false),
    params: v.optional(v.record(v.string(), v.unknown())),
  }),
  v.check((job) => (job.video_url ?? job.video) !== undefined, 'video_url is required'),
  v.check((job) => (job.audio_url ?? job.audio) !== undefined, 'audio_url is required'),
)

type Wire = v.InferOutput<typeof JobSchema>
/** A checked job: aliases resolved, defaults filled in, always with an id. */
export type Job = Omit<Wire, 'video' | 'audio' | 'musetalk_job_id'> & {
  id: string
  video_url: string
  audio_url: string
}
export type FaceChoice = Job['face']

/**
 * Check a payload.
 *
 * @param id the platform's job id, used where the payload brings none
 * @throws InputError INVALID_JOB naming every bad field
 */
export function parseJob(payload: unknown, id: string | undefined): Job {
  const parsed = v.safeParse(JobSchema, payload)
  if (!parsed.success) throw new InputError('INVALID_JOB', describe(parsed.issues))
  const { video, audio, musetalk_job_id, ...job } = parsed.output
  return {
    ...job,
    id: job.id ?? musetalk_job_id ?? id ?? randomUUID(),
    video_url: (job.video_url ?? video)!, // the schema has checked that one of them is there
    audio_url: (job.audio_url ?? audio)!,
  }
}

function describe(issues: readonly v.BaseIssue<unknown>[]): string {
  const lines = issues.map((issue) => {
    const path = v.getDotPath(issue)
    return path ? `${path}: ${issue.message}` : issue.message
  })
  return `the job is not valid: ${lines.slice(0, 20).join('; ')}`.slice(0, 2000)
}
