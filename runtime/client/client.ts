import type { InferInput } from 'valibot'
import type { Estimate } from '../../handler/estimate.ts'
import type { ErrorPayload } from '../../handler/errors.ts'
import type { EventBase, JobEvent, JobResult } from '../../handler/events/job-events.ts'
import type { JobSchema } from '../../handler/job/job-schema.ts'
import { JobFailed } from './errors.ts'
import { followEvents, type FollowOptions } from './follow-events.ts'
import { createRequester, type RequestOptions, type RequesterOptions } from './requester.ts'
import { uploadFile, type Upload, type Uploadable, type UploadOptions } from './upload-file.ts'

export type { JobEvent, JobResult } from '../../handler/events/job-events.ts'
export type { Estimate } from '../../handler/estimate.ts'
export { JobFailed, RequestRefused, WorkerUnreachable } from './errors.ts'
export type { FollowOptions } from './follow-events.ts'
export type { RequestOptions } from './requester.ts'
export type { Upload, Uploadable, UploadOptions } from './upload-file.ts'

/** What a job may say: docs/job.md. */
export type JobRequest = InferInput<typeof JobSchema>
/** What the client is told: the key (`API_KEY`), and how patient it is. */
export type ClientOptions = RequesterOptions

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled'

/** A job as the worker shows it. */
export interface JobView extends Partial<
  Pick<EventBase, 'phase' | 'progress' | 'eta_sec' | 'metrics'>
> {
  id: string
  status: JobStatus
  /** ISO 8601. */
  created_at: string
  attempts: number
  /** Of a job that waits; 1 is next. */
  position?: number
  result?: JobResult
  error?: ErrorPayload
}

export interface JobPage {
  jobs: JobView[]
  /** The `after` of the next page; absent on the last. */
  next?: string
}

export interface ListOptions extends RequestOptions {
  status?: readonly JobStatus[]
  /** 1 to 200; 50 where unset. */
  limit?: number
  after?: string
}

export interface SubmitOptions extends RequestOptions {
  /** The same key finds the same job for 24 hours; a fresh one for every call where unset. */
  idempotencyKey?: string
}

export interface WaitOptions extends RequestOptions {
  /** Told of every event of the job, from the first on. */
  onEvent?(event: JobEvent): void
}

export type Client = ReturnType<typeof createClient>

/**
 * The HTTP API of a worker. Needs `fetch` and nothing else, so it runs in Node, Deno, Bun and browsers. Calls
 * reject with {@link RequestRefused}, {@link WorkerUnreachable}, or the reason of their signal.
 *
 * @param url where the worker is, such as `http://localhost:8000`
 */
export function createClient(url: string | URL, options: ClientOptions = {}) {
  const requester = createRequester(url, options)
  const { askJson, resolveUrl } = requester

  const get = (id: string, options: RequestOptions = {}) =>
    askJson<JobView>('GET', jobPath(id), options)

  const events = (id: string, options: FollowOptions = {}): AsyncGenerator<JobEvent, void> =>
    followEvents(requester, jobPath(id), options)

  /**
   * Resolves when the job has succeeded; however often the line breaks meanwhile.
   * @throws JobFailed when it has failed or was canceled
   */
  async function wait(id: string, { onEvent, signal }: WaitOptions = {}): Promise<JobResult> {
    for await (const event of events(id, signal ? { signal } : {})) onEvent?.(event)
    const { result, error } = await get(id, signal ? { signal } : {})
    if (result) return result
    throw new JobFailed(id, error ?? { code: 'BUG', message: 'it runs again', retryable: true })
  }

  return {
    /** What a job would give, how long it would take, and what would be refused of it; nothing is rendered. */
    estimate: (job: JobRequest, options: RequestOptions = {}) =>
      askJson<Estimate>('POST', 'estimate', { ...options, json: job }),
    jobs: {
      /** Gives the worker a job. A line that breaks meanwhile makes no second one of it. */
      submit: (job: JobRequest, { idempotencyKey, ...options }: SubmitOptions = {}) =>
        askJson<JobView>('POST', 'jobs', {
          ...options,
          json: job,
          headers: { 'idempotency-key': idempotencyKey ?? randomKey() },
        }),
      get,
      /** A page of the jobs that the worker remembers, the latest first. */
      list: ({ status, limit, after, ...options }: ListOptions = {}) => {
        const query = new URLSearchParams()
        if (status?.length) query.set('status', status.join())
        if (limit !== undefined) query.set('limit', String(limit))
        if (after !== undefined) query.set('after', after)
        return askJson<JobPage>('GET', query.size > 0 ? `jobs?${query}` : 'jobs', options)
      },
      cancel: (id: string, options: RequestOptions = {}) =>
        askJson<JobView>('DELETE', jobPath(id), options),
      /** The events of a job from the first on, until it has ended; goes on where a line breaks. */
      events,
      wait,
      /** Where the video is: while it is rendered with `output.stream`, and of every job afterwards. */
      videoUrl: (id: string): string => resolveUrl(`${jobPath(id)}/video`),
    },
    uploads: {
      /** Sends a file, so that a job can name it as its `video_url` or `audio_url`. */
      send: (file: Uploadable, options: UploadOptions = {}): Promise<Upload> =>
        uploadFile(requester, file, options),
      /** Jobs that were given it keep it. */
      remove: async (id: string, options: RequestOptions = {}): Promise<void> => {
        await requester.ask('DELETE', `uploads/${encodeURIComponent(id)}`, options)
      },
    },
  }
}

const jobPath = (id: string): string => `jobs/${encodeURIComponent(id)}`

/** Pages that did not come by https have no `randomUUID`. */
const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-')
