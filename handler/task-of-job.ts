import { join } from 'node:path'
import type { JobContext } from './job-context.ts'
import type { InputFiles } from './download-inputs.ts'
import type { Job } from './job/parse-job.ts'
import type { RenderTask } from './render/render-task.ts'
import type { DrawStep } from './render/split/split-step.ts'
import type { SourceSound } from './render/voice.ts'

const KEEP_DB = -12 // how much quieter the source's sound is while somebody speaks

/**
 * What is to be rendered of a job, in files and plain values.
 *
 * @param path of the result
 */
export function taskOfJob(
  job: Job,
  inputs: InputFiles,
  path: string,
  { dir, limits, batchSize, provenance }: JobContext,
): RenderTask {
  const { trim, sound, loudness, length, silence, fps, mask, compat, frame, output, softCut } = job
  const isWanted = output.provenance ?? provenance?.unasked ?? false
  return {
    video: inputs.video,
    voices: job.voices.map(({ speech, span }, i) => ({
      ...{ speech, span, face: inputs.faces[i]!, audio: inputs.voices[i]! },
    })),
    ...{ trim, loudness, sound: sourceSoundOf(sound) },
    output: path,
    dir: join(dir, 'render'),
    options: {
      ...{ length, silence, mask, frame, crf: output.crf, lossless: output.lossless },
      ...{ format: output.format, codec: output.codec, bitrate: output.bitrate },
      ...(fps !== undefined && { fps }),
      ...(compat && { compat }),
      ...(softCut && { softCut }),
      ...(output.stream && { fragmented: true }),
    },
    ...(isWanted && {
      provenance: { tool: toolName(provenance?.version), ...(job.isNamed && { job: job.id }) },
    }),
    pictures: { poster: output.poster, preview: output.preview },
    limits,
    ...(job.part && { split: drawStepOf(job.part) }),
    ...(job.split && { splitSeconds: job.split.seconds }),
    ...(batchSize !== undefined && { batchSize }),
  }
}

const drawStepOf = ({ source_frames, ...span }: NonNullable<Job['part']>): DrawStep => ({
  do: 'draw',
  ...span,
  sourceFrames: source_frames,
})

const toolName = (version: string | undefined): string =>
  version === undefined ? 'musetalk-worker' : `musetalk-worker ${version}`

const sourceSoundOf = (sound: Job['sound']): SourceSound =>
  typeof sound === 'object'
    ? { keepDb: sound.keep_db }
    : sound === 'keep'
      ? { keepDb: KEEP_DB }
      : sound
