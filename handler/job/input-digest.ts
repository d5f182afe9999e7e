import { createHash } from 'node:crypto'
import { inputKind } from '../inputs/input-address.ts'
import type { JobFace } from './face-schema.ts'
import type { Job } from './parse-job.ts'
import { stripSignature } from './signed-url.ts'

/**
 * What a job's video does not depend on, or depends on by another name (`fit` by `frame`). All else
 * that a job says is in its digest, and so is every field that the schema will get.
 */
export const OUTSIDE_DIGEST = {
  job: ['id', 'isNamed', 'webhook', 'metadata', 'force', 'output', 'contents', 'split'],
  output: ['url', 'key', 'disposition', 'fit', 'stream'],
} as const satisfies { job: (keyof Job)[]; output: (keyof Job['output'])[] }

/** SHA-256 over all of a job that its video depends on. */
export function inputDigest(job: Job): string {
  const fields = without(job, OUTSIDE_DIGEST.job)
  const input = {
    ...fields,
    video_url: identify(job, 'video_url', job.video_url),
    voices: job.voices.map(({ field, audio_url, face, faceField, ...voice }) => ({
      ...voice,
      face: identifyFace(job, face, faceField),
      audio_url: identify(job, field, audio_url),
    })),
    output: outputOf(job.output),
  }
  return createHash('sha256').update(canonicalJson(input)).digest('hex')
}

/** Where pictures go is no more part of them than where the video goes. */
function outputOf({ poster, preview, ...output }: Job['output']) {
  return {
    ...without(output, OUTSIDE_DIGEST.output),
    ...(poster && { poster: without(poster, ['url']) }),
    ...(preview && { preview: without(preview, ['url']) }),
  }
}

/** An object without some of its fields. */
export const without = (value: object, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))

/** JSON in which the order of an object's fields plays no part. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

const identifyFace = (job: Job, face: JobFace, field: string): JobFace =>
  typeof face === 'object' && 'boxes_url' in face
    ? { boxes_url: identify(job, `${field}.boxes_url`, face.boxes_url) }
    : face

/** An input by its content, where that is known: the same file may be sent under any number of names. */
function identify(job: Job, field: string, address: string): string {
  const sha256 = job.contents[field]
  if (sha256 !== undefined) return `sha256:${sha256}`
  return inputKind(address) === 'http' ? stripSignature(address) : address
}
