import type { ValidationIssue } from '../../errors.ts'
import {
  CODECS_OF,
  codecOf,
  type OutputFormat,
  type WantedFormat,
} from '../../render/encode/output-formats.ts'
import { isObject } from '../job-problems.ts'
import { picturesOf } from './picture-schema.ts'

/** Fields of the result that exclude each other. */
export function outputProblems(payload: unknown): ValidationIssue[] {
  const { output, split } = isObject(payload) ? payload : {}
  if (!isObject(output)) return []
  const { stream, lossless, format = 'mp4', codec, key, url } = output
  const problems: ValidationIssue[] = []
  if (stream === true && split !== undefined) {
    const message =
      'is not for output.stream: a video that is watched while it is made has no parts'
    problems.push({ path: ['split'], message })
  }
  const add = (field: string, message: string) =>
    problems.push({ path: ['output', field], message })
  for (const field of ['poster', 'preview']) {
    const picture = output[field]
    const hasPlace = isObject(picture) && picture['url'] !== undefined
    if (url !== undefined && picture && !hasPlace) {
      add(field, 'needs a url of its own beside output.url')
    }
  }
  if (output['bitrate'] !== undefined && output['crf'] !== undefined) {
    add('bitrate', 'is another way to say crf')
  }
  if (lossless === true) {
    if (stream === true) add('stream', 'is not for lossless results')
    for (const field of ['format', 'codec', 'bitrate']) {
      if (output[field] !== undefined) add(field, 'is not for lossless results: FFV1 in Matroska')
    }
    return problems
  }
  if (typeof format !== 'string' || !Object.hasOwn(CODECS_OF, format)) return problems // the schema has said so
  const codecs: readonly unknown[] = CODECS_OF[format as OutputFormat]
  if (codec !== undefined && !codecs.includes(codec)) {
    add('codec', `must be one of ${codecs.join(', ')} in ${format}`)
  }
  if (format === 'mp4') return problems
  if (format === 'mov') {
    const why = 'is not for mov: ProRes has one quality'
    for (const field of ['crf', 'bitrate']) if (output[field] !== undefined) add(field, why)
    const { compat } = payload as { compat?: unknown }
    if (compat !== undefined) add('format', 'mov is not for compat: its frames have no alpha')
  }
  if (stream === true) add('stream', 'is for mp4 results')
  if (typeof key === 'string' && !key.endsWith(`.${format}`)) {
    add('key', `must end in .${format}: stores tell by it what the file is`)
  }
  return problems
}

/** What a job would get without asking is not asked for: one job, however it is written, is one job. */
export function withoutDefaults<O extends Said>(
  { format, codec, provenance, poster, preview, ...output }: O,
  isProvenanceUnasked: boolean,
) {
  const isUnasked = codec === undefined || codec === codecOf({ format })
  return {
    ...output,
    ...(format !== undefined && format !== 'mp4' && { format }),
    ...(!isUnasked && { codec }),
    ...(provenance !== undefined && provenance !== isProvenanceUnasked && { provenance }),
    ...picturesOf({ poster, preview }),
  }
}

type Said = WantedFormat & Parameters<typeof picturesOf>[0] & { provenance?: boolean | undefined }
