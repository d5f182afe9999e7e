import * as v from 'valibot'
import { mediaInput } from './address-schema.ts'
import { Face, faceNames } from './face-schema.ts'

const MAX_S = 86_400 // a day; what a file really holds is found later
const seconds = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(MAX_S))

/** Seconds from..to of something, the end not included; without an end, to its end. */
const Span = v.pipe(
  v.strictObject({ from: v.optional(seconds, 0), to: v.optional(seconds) }),
  v.check(({ from, to }) => to === undefined || to > from, 'must end after it begins'),
)

/** The part of the source that makes the result. */
export const Trim = v.pipe(
  Span,
  v.description(
    'Seconds of the video that make the result, each to the nearest frame; what lies past its end is not there. Boxes still count the frames of the whole video.',
  ),
)

/** The part of the recording that is spoken. */
export const Speech = v.pipe(
  Span,
  v.description('Seconds of the recording that are spoken, to the sample.'),
)

/** A recording of its own. */
const recording = {
  audio_url: v.optional(mediaInput('What is spoken.')),
  audio: v.optional(mediaInput('Another name of audio_url.')),
  audio_base64: v.optional(mediaInput('The recording itself in base64.')),
  speech: v.optional(Speech),
}

const MAX_SEGMENTS = 64
const MAX_FACES = 8

/** The only parts of the result that speak. */
export const Segments = v.pipe(
  v.array(
    v.pipe(
      v.strictObject({ from: seconds, to: seconds, ...recording, face: v.optional(Face) }),
      v.check(({ from, to }) => to > from, 'must end after it begins'),
    ),
  ),
  v.minLength(1),
  v.maxLength(MAX_SEGMENTS),
  v.check((all) => {
    const sorted = all.toSorted((a, b) => a.from - b.from)
    return sorted.every(({ from }, i) => i === 0 || from >= sorted[i - 1]!.to)
  }, 'must not overlap'),
  v.description(
    'Seconds of the result in which somebody speaks, each with its own recording and face; all else is the source, with its own sound.',
  ),
)

interface NamedFace {
  box?: number[] | undefined
  at?: number[] | undefined
  frame?: number | undefined
}

const nameOfFace = ({ box, at, frame = 0 }: NamedFace) => JSON.stringify(box ?? [at, frame])

/** Several who speak, each with a recording. */
export const Faces = v.pipe(
  v.array(
    v.pipe(
      v.strictObject({ ...faceNames, ...recording }),
      v.check(
        ({ box, at, frame }) => (box === undefined) !== (at === undefined) && !(box && frame),
        'must have a box, or a point (at) and perhaps its frame',
      ),
    ),
  ),
  v.minLength(1),
  v.maxLength(MAX_FACES),
  v.check((all) => new Set(all.map(nameOfFace)).size === all.length, 'must be different faces'),
  v.description('Several who speak at once, each with a recording of their own.'),
)

/** How long the parts are that a result may be drawn in. */
export const Split = v.pipe(
  v.strictObject({
    seconds: v.pipe(
      v.number(),
      v.minValue(5),
      v.maxValue(3600),
      v.description('Parts last about so many seconds.'),
    ),
  }),
  v.description(
    'Parts of a long result that several engines, or all workers of a queue, draw side by side; where there is only one, it is drawn in one piece. The video is the same.',
  ),
)

const frames = v.pipe(v.number(), v.integer(), v.minValue(0))

/** A part of a long result, for whoever joins it with the others. */
export const Part = v.pipe(
  v.strictObject({ from: frames, to: frames, total: frames, source_frames: frames }),
  v.check(({ from, to, total }) => from < to && to <= total, 'must be frames of its total'),
  v.description(
    'Frames from..to of a result of so many, without sound: what one worker asks another to draw of a job with split.',
  ),
)

/** What becomes of the source's own sound. */
export const Sound = v.pipe(
  v.union(
    [
      v.picklist(['replace', 'keep']),
      v.strictObject({ keep_db: v.pipe(v.number(), v.minValue(-60), v.maxValue(0)) }),
    ],
    'must be "replace", "keep" or { keep_db: -60 to 0 }',
  ),
  v.description(
    'The source’s own sound: gone where somebody speaks, or kept under the speech, quieter by 12 dB or so many.',
  ),
)

/** How loud the result is. */
export const Loudness = v.pipe(
  v.number(),
  v.minValue(-36),
  v.maxValue(-8),
  v.description('Integrated loudness of the result by EBU R 128, LUFS; as it comes where unset.'),
)
