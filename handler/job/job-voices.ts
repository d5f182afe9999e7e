import type * as v from 'valibot'
import type { Span } from '../render/media/trim-media.ts'
import type { JobFace } from './face-schema.ts'
import { directAddress, inputOf } from './job-inputs.ts'
import type { JobSchema } from './job-schema.ts'

/** A recording of a job, and who speaks it when. */
export interface JobVoice {
  /** Which field of the job names the recording. */
  field: string
  audio_url: string
  /** Seconds of the recording. */
  speech?: Span
  /** Seconds of the result. */
  span?: Required<Span>
  face: JobFace
  /** Which field of the job names the face. */
  faceField: string
}

type Parsed = Pick<
  v.InferOutput<typeof JobSchema>,
  'segments' | 'faces' | 'face' | 'speech' | 'audio_url' | 'audio' | 'audio_base64'
>

/** Who speaks what, when: a segment each, a face each, or one voice from the beginning on. */
export function voicesOf(job: Parsed): JobVoice[] {
  const shared = inputOf(job, 'audio')
  if (job.segments) {
    return job.segments.map(({ from, to, speech, face, ...own }, i) => {
      const audio_url = inputOf(own, 'audio')
      return {
        field: audio_url === undefined ? 'audio_url' : `segments.${i}.audio_url`,
        audio_url: audio_url ?? shared!,
        span: { from, to },
        face: withDirectAddress(face ?? job.face),
        faceField: face ? `segments.${i}.face` : 'face',
        ...(speech && { speech }),
      }
    })
  }
  if (job.faces) {
    return job.faces.map(({ box, at, frame, speech, ...own }, i) => ({
      field: `faces.${i}.audio_url`,
      faceField: `faces.${i}`,
      audio_url: inputOf(own, 'audio')!,
      face: box ? { box } : { at: at!, ...(frame !== undefined && { frame }) },
      ...(speech && { speech }),
    }))
  }
  const face = withDirectAddress(job.face)
  const only = { field: 'audio_url', audio_url: shared!, face, faceField: 'face' }
  return [{ ...only, ...(job.speech && { speech: job.speech }) }]
}

const withDirectAddress = (face: JobFace): JobFace =>
  typeof face === 'object' && 'boxes_url' in face
    ? { boxes_url: directAddress(face.boxes_url) }
    : face
