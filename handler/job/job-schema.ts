import { toJsonSchema, type JsonSchema } from '@valibot/to-json-schema'
import * as v from 'valibot'
import { MASK_MODES, SILENCES } from '../render/render-options.ts'
import { mediaInput } from './address-schema.ts'
import { Face } from './face-schema.ts'
import { Length, LoopCut, SyncMode } from './length-schema.ts'
import { Faces, Loudness, Part, Segments, Sound, Speech, Split, Trim } from './timeline-schema.ts'
import { Output } from './output/output-schema.ts'
import { Webhook } from './webhook-schema.ts'

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
  trim: v.optional(Trim),
  speech: v.optional(Speech),
  segments: v.optional(Segments),
  faces: v.optional(Faces),
  sound: v.optional(Sound, 'replace'),
  loudness: v.optional(Loudness),
  length: v.optional(Length, 'audio'),
  sync_mode: v.optional(SyncMode),
  loop_cut: v.optional(LoopCut),
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
  split: v.optional(Split),
  part: v.optional(Part),
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
