import * as v from 'valibot'
import { InputError, type ValidationIssue } from '../../../handler/errors.ts'
import { LENGTH_OF_SYNC_MODE } from '../../../handler/job/length-schema.ts'

/** A field of sync.so's that nothing here answers to. */
const refused = (why: string) => v.nullish(v.custom<never>(() => false, why))

const ASSET = 'assets are not kept here; give a url (upload:<id> after POST /uploads)'
const SEGMENTS = 'name the parts in segments, each with its audioInput'
const Media = { url: v.nullish(v.string()), assetId: refused(ASSET) }

const Video = v.strictObject({
  type: v.literal('video'),
  ...Media,
  segments_secs: refused(SEGMENTS),
  segments_frames: refused(SEGMENTS),
})
const Audio = v.strictObject({ type: v.literal('audio'), ...Media, refId: v.nullish(v.string()) })
const Text = v.looseObject({
  type: v.literal('text'),
  provider: v.custom<never>(
    () => false,
    'text is not spoken here; give a recording as { type: "audio", url }',
  ),
})

const Segment = v.strictObject({
  startTime: v.number(),
  endTime: v.number(),
  audioInput: v.strictObject({
    refId: v.string(),
    startTime: v.nullish(v.number()),
    endTime: v.nullish(v.number()),
  }),
})

const MODES = ['bounce', 'loop', 'cut_off', 'silence', 'remap'] as const

const REACT = 'comes with a model that plays emotions; none is here'
const Options = v.strictObject({
  sync_mode: v.nullish(v.picklist(MODES, `must be one of ${MODES.join(', ')}`)),
  model_mode: refused(REACT),
  prompt: refused(REACT),
  temperature: refused('there is no chance in what is drawn, and no temperature of it'),
  active_speaker_detection: v.nullish(
    v.strictObject({
      auto_detect: v.nullish(v.boolean()),
      frame_number: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0))),
      coordinates: v.nullish(v.tuple([v.number(), v.number()])),
      bounding_boxes: v.nullish(v.array(v.nullable(v.array(v.number())))),
    }),
  ),
  occlusion_detection_enabled: v.nullish(v.boolean()),
})

/** Names of sync.so's that stand for "the model that is here". */
const MODELS = ['lipsync-2', 'lipsync-2-pro', 'lipsync-1.9.0-beta', 'sync-3'] as const

/**
 * The body of `POST /v2/generate`. What is null is unset: so one of the SDKs sends what its caller sets to
 * None. @see the types of the npm package @sync.so/sdk
 */
export const GenerationRequest = v.strictObject({
  model: v.picklist(
    MODELS,
    `must be one of ${MODELS.join(', ')}; all of them mean this worker’s model`,
  ),
  input: v.pipe(v.array(v.variant('type', [Video, Audio, Text])), v.maxLength(16)),
  options: v.nullish(Options),
  segments: v.nullish(v.pipe(v.array(Segment), v.minLength(1), v.maxLength(64))),
  webhookUrl: v.nullish(
    v.pipe(v.string(), v.maxLength(2048), v.regex(/^https?:\/\//, 'must be an http(s) URL')),
  ),
  outputFileName: v.nullish(
    v.pipe(v.string(), v.regex(/^[\w-]{1,255}$/, 'must be 1 to 255 of letters, digits, _ and -')),
  ),
})
export type GenerationRequest = v.InferOutput<typeof GenerationRequest>

/** @throws InputError INVALID_JOB naming every field that is wrong, or has no meaning here */
export function parseGeneration(body: unknown): GenerationRequest {
  const parsed = v.safeParse(GenerationRequest, body)
  const problems = parsed.success
    ? countProblems(parsed.output)
    : parsed.issues.map((issue) => ({
        path: (issue.path ?? []).map(({ key }) => key as string | number),
        message: issue.message.slice(0, 200),
      }))
  if (parsed.success && problems.length === 0) return parsed.output
  const lines = problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new InputError('INVALID_JOB', lines.join('; ').slice(0, 4000), { problems })
}

function countProblems({ input, segments }: GenerationRequest): ValidationIssue[] {
  const counted = segments ? (['video'] as const) : (['video', 'audio'] as const)
  const counts = counted.flatMap((type) => {
    const found = input.filter((one) => one.type === type)
    return found.length === 1 && found[0]?.['url']
      ? []
      : [{ path: ['input'], message: `must have one ${type} with a url, not ${found.length}` }]
  })
  const unknown = (segments ?? []).flatMap(({ audioInput: { refId } }, i) =>
    recordingOf(input, refId) === undefined
      ? [
          {
            path: ['segments', i, 'audioInput', 'refId'],
            message: `there is no audio with a url and the refId "${refId.slice(0, 60)}"`,
          },
        ]
      : [],
  )
  return [...counts, ...unknown]
}

const recordingOf = (input: GenerationRequest['input'], refId: string) =>
  input.find((one) => one.type === 'audio' && one.refId === refId)?.['url']

/** Our job of it. @param id of the generation */
export function toJob(request: GenerationRequest, id: string) {
  const { input, options, outputFileName, segments } = request
  const urlOf = (type: 'video' | 'audio') => input.find((one) => one.type === type)!['url']
  const face = faceOf(options?.active_speaker_detection)
  return {
    id,
    video_url: urlOf('video'),
    ...(segments
      ? {
          segments: segments.map(({ startTime, endTime, audioInput }) => ({
            ...{ from: startTime, to: endTime, audio_url: recordingOf(input, audioInput.refId) },
            ...speechOf(audioInput),
          })),
          // Beside its segments a video is shown as it is, all of it.
          ...(options?.sync_mode && { length: LENGTH_OF_SYNC_MODE[options.sync_mode] }),
        }
      : {
          audio_url: urlOf('audio'),
          length: LENGTH_OF_SYNC_MODE[options?.sync_mode ?? 'bounce'],
        }),
    ...(face && { face }),
    ...(outputFileName && { output: { key: `${id}/${outputFileName}.mp4` } }),
  }
}

type Speaker = NonNullable<GenerationRequest['options']>['active_speaker_detection']

/** Boxes say more than a point does, and a point more than to find out who speaks. */
function faceOf(speaker: Speaker) {
  const { bounding_boxes: boxes, coordinates, frame_number, auto_detect } = speaker ?? {}
  if (boxes) return { boxes }
  if (coordinates) return { at: coordinates, frame: frame_number ?? 0 }
  return auto_detect ? 'speaking' : undefined
}

function speechOf({
  startTime,
  endTime,
}: {
  startTime?: number | null | undefined
  endTime?: number | null | undefined
}) {
  if (startTime == null && endTime == null) return {}
  return {
    speech: {
      ...(startTime != null && { from: startTime }),
      ...(endTime != null && { to: endTime }),
    },
  }
}
