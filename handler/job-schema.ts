import { toJsonSchema, type JsonSchema } from '@valibot/to-json-schema'
import * as v from 'valibot'
import { LENGTHS, MASK_MODES, SILENCES } from './render/render-options.ts'
import { urlProblem } from './net/ip-guard.ts'

const coordinate = v.pipe(v.number(), v.finite())
const Box = v.pipe(
  v.strictTuple([coordinate, coordinate, coordinate, coordinate]),
  v.check(
    ([x1, y1, x2, y2]) => x2 > x1 && y2 > y1,
    'must be [x1, y1, x2, y2] with x2 > x1, y2 > y1',
  ),
)

const MAX_BOXES = 216_000 // half an hour at 120 frames per second
const Face = v.pipe(
  v.union(
    [
      v.literal('largest'),
      v.strictObject({ box: Box }),
      v.strictObject({
        boxes: v.pipe(v.array(v.nullable(Box)), v.minLength(1), v.maxLength(MAX_BOXES)),
      }),
    ],
    'must be "largest", { box: [x1, y1, x2, y2] } or { boxes: [[x1, y1, x2, y2] | null, …] }',
  ),
  v.description(
    'Which face speaks: the largest, the one in a box, or exactly these boxes, one per source frame (null: no face). Source pixels, right and bottom exclusive.',
  ),
)

/** A URL of the kinds in docs/job.md, or where the worker allows it a path; `parseJob` knows which. */
const mediaInput = (what: string) => v.pipe(v.string(), v.minLength(1), v.description(what))

const Url = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? urlProblem(dataset.value) : undefined
    if (message !== undefined) addIssue({ message })
  }),
)

/** sync.so's words for our `length`. */
export const LENGTH_OF_SYNC_MODE = {
  bounce: 'audio',
  loop: 'loop',
  cut_off: 'shortest',
  silence: 'video',
  remap: 'remap',
} as const

export const EVENT_TYPES = [
  'job.started',
  'job.progress',
  'job.succeeded',
  'job.failed',
  'job.canceled',
] as const

const Webhook = v.pipe(
  v.union(
    [
      Url,
      v.strictObject({
        url: Url,
        events: v.optional(v.pipe(v.array(v.picklist(EVENT_TYPES)), v.minLength(1))),
      }),
    ],
    'must be an http or https URL or { url, events? }, events being some of ' +
      EVENT_TYPES.join(', '),
  ),
  v.description('Where events are posted to; all of them, or those that are listed.'),
)

const Output = v.strictObject({
  url: v.optional(
    v.pipe(Url, v.description('A presigned PUT URL; the worker’s own storage else.')),
  ),
  key: v.optional(
    v.pipe(
      v.string(),
      v.regex(
        /^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/,
        'must be a path of A-Z a-z 0-9 . _ - whose parts do not begin with a dot',
      ),
      v.maxLength(512),
      v.description('Name of the object below the worker’s prefix; <id>.mp4 where unset.'),
    ),
  ),
  fit: v.optional(
    v.pipe(
      v.picklist(['source', 'contain', 'cover', 'stretch']),
      v.description(
        'Keep the source’s frame size, or fit it to resolution or aspect_ratio: with bars, cut, or distorted.',
      ),
    ),
  ),
  crf: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(10),
      v.maxValue(35),
      v.description('Quality of H.264; less is better and larger.'),
    ),
    17,
  ),
  lossless: v.optional(v.pipe(v.boolean(), v.description('FFV1 RGB in Matroska.')), false),
  stream: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Fragmented mp4, uploaded while it is rendered and watched at /jobs/{id}/video; not with lossless.',
      ),
    ),
    false,
  ),
  disposition: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(256),
      v.regex(/^[\x20-\x7e]*$/, 'must be printable ASCII'),
      v.description('Content-Disposition of the stored object.'),
    ),
  ),
})

const Id = v.pipe(
  v.string(),
  v.regex(
    /^(?!\.)[A-Za-z0-9._-]{1,200}$/,
    'must be 1 to 200 of A-Z a-z 0-9 . _ - without leading dot',
  ),
  v.description('Name of the job and of its object. The same id with the same input is done once.'),
)

const boundedJson = (most: number) =>
  v.pipe(
    v.record(v.string(), v.unknown()),
    v.check((value) => bytesOf(value) <= most, `must be at most ${most / 1024} KB of JSON`),
  )

function bytesOf(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value))
  } catch {
    return Infinity // it has itself inside
  }
}

const shortText = v.pipe(v.string(), v.maxLength(64))

/** The wire schema: every field a job may have, and nothing else. */
export const JobSchema = v.strictObject({
  id: v.optional(Id),
  musetalk_job_id: v.optional(Id),
  video_url: v.optional(mediaInput('The video, or a still, that is to speak.')),
  video: v.optional(mediaInput('Another name of video_url.')),
  video_base64: v.optional(mediaInput('The video itself in base64, instead of its URL.')),
  audio_url: v.optional(mediaInput('The speech.')),
  audio: v.optional(mediaInput('Another name of audio_url.')),
  audio_base64: v.optional(mediaInput('The speech itself in base64, instead of its URL.')),
  face: v.optional(Face, 'largest'),
  length: v.optional(
    v.pipe(v.picklist(LENGTHS), v.description('What decides how long the result is.')),
    'audio',
  ),
  sync_mode: v.optional(
    v.pipe(
      v.picklist(['bounce', 'loop', 'cut_off', 'silence', 'remap']),
      v.description('Another name of length, in sync.so’s words.'),
    ),
  ),
  silence: v.optional(
    v.pipe(
      v.picklist(SILENCES),
      v.description('Pauses: drawn by the model, or the untouched source.'),
    ),
    'model',
  ),
  fps: v.optional(
    v.pipe(
      v.number(),
      v.minValue(5),
      v.maxValue(120),
      v.description(
        'Of the result; the source’s where unset, 25 for stills and sources of less than 12.',
      ),
    ),
  ),
  mask: v.optional(v.picklist(MASK_MODES), 'jaw'),
  compat: v.optional(v.literal('reference')),
  output: v.optional(Output, {}),
  aspect_ratio: v.optional(
    v.pipe(shortText, v.description('"9:16"; counts only with output.fit.')),
  ),
  resolution: v.optional(
    v.pipe(shortText, v.description('"1080x1920"; counts only with output.fit.')),
  ),
  webhook: v.optional(Webhook),
  metadata: v.optional(
    v.pipe(boundedJson(4096), v.description('Comes back in the result and in every event.')),
    {},
  ),
  force: v.optional(
    v.pipe(v.boolean(), v.description('Render even if the result is already stored.')),
    false,
  ),
  seed: v.nullish(v.pipe(v.number(), v.description('Accepted and ignored: there is no chance.'))),
  params: v.nullish(v.pipe(boundedJson(65_536), v.description('Accepted and ignored.'))),
})

export type JobInput = v.InferOutput<typeof JobSchema>

/** The same as JSON Schema, for whoever validates or documents a job before it is sent. */
export function jobJsonSchema(target: 'draft-07' | 'draft-2020-12' = 'draft-07'): JsonSchema {
  return toJsonSchema(JobSchema, {
    target,
    typeMode: 'input',
    ignoreActions: ['check', 'finite'],
    overrideAction: ({ valibotAction, jsonSchema }) =>
      valibotAction.type === 'raw_check'
        ? { ...jsonSchema, format: 'uri', pattern: '^https?://' }
        : undefined,
  })
}
