import { afterAll } from 'vitest'
import { handle } from '../../../handler/handle.ts'
import type { HandleOptions, JobDependencies } from '../../../handler/job-context.ts'
import type { JobError } from '../../../handler/errors.ts'
import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import type { JobResult } from '../../../handler/events/job-events.ts'
import type { Models } from '../../../models/inference/models.ts'
import { testDeps, type TestDeps } from './deps.ts'
import {
  folder,
  makeSound,
  readVideo,
  testFfmpeg,
  type Folder,
  type Video,
} from '../media/media.ts'
import { fakeModels, type FakeModels } from '../models/fake-models.ts'

/** A test file's folder with a good recording in it, and jobs that run there with fake models. */
export interface Scenario {
  media: Folder
  ffmpeg: Ffmpeg
  /** One second of a tone. */
  voice: string
  run(job: Record<string, unknown>, given?: Given): Promise<Run>
  /** The same without a look at the picture, which takes a process more. */
  render(job: Record<string, unknown>, given?: Given): Promise<Omit<Run, 'video'>>
  /** Run a job that must fail; resolves to its error. */
  fail(job: Record<string, unknown>, given?: Given): Promise<Failed>
}

export interface Given {
  models?: Models
  deps?: Partial<JobDependencies>
  call?: HandleOptions
  ffmpeg?: Ffmpeg
}

export interface Run {
  result: JobResult
  video: Video
  models: FakeModels
  deps: TestDeps
}

export interface Failed {
  error: JobError
  models: FakeModels
  deps: TestDeps
}

/** For all tests of a file: its folder is removed after the last. */
export async function scenario(): Promise<Scenario> {
  const ffmpeg = await testFfmpeg()
  const media = await folder()
  afterAll(() => media[Symbol.asyncDispose]())
  const voice = await makeSound(ffmpeg, media.file('voice.wav'), 1)
  const open = async (given: Given) => {
    const models = (given.models ?? fakeModels()) as FakeModels
    const deps = await testDeps(media, given.ffmpeg ?? ffmpeg, models, given.deps)
    return { models, deps }
  }
  const render: Scenario['render'] = async (job, given = {}) => {
    const { models, deps } = await open(given)
    const result = await handle({ audio: voice, ...job }, deps, given.call)
    const left = await deps.left()
    if (left.length > 0) throw new Error(`left in scratch: ${left.join(', ')}`)
    return { result, models, deps }
  }
  return {
    media,
    ffmpeg,
    voice,
    render,
    async run(job, given) {
      const done = await render(job, given)
      return { ...done, video: await readVideo(ffmpeg, done.result.output_url) }
    },
    async fail(job, given = {}) {
      const { models, deps } = await open(given)
      const error = await handle({ audio: voice, ...job }, deps, given.call).then(
        (result) => {
          throw new Error(`the job succeeded: ${JSON.stringify(result)}`)
        },
        (thrown: JobError) => thrown,
      )
      const left = await deps.left()
      if (left.length > 0) throw new Error(`left in scratch: ${left.join(', ')}`)
      return { error, models, deps }
    },
  }
}
