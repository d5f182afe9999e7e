import { Hono } from 'hono'
import type { GrowingFile } from '../../../handler/system/growing-file.ts'
import { isFinal, type Job } from '../../jobs/job-record.ts'
import type { AppOptions } from '../app-options.ts'
import { describeOperation, ErrorBody, pathParameter, response } from '../describe-operation.ts'
import { errorBody } from '../responses.ts'

/** A viewer that takes nothing for so long has paused for good, or is gone without a word. */
const STALLED_MS = 300_000

/**
 * A job's video, from its first frame on: while it is rendered as it grows, afterwards where it was
 * stored. Any number of viewers read the one file on disk, each at its own pace.
 */
export function videoRoute({ jobs, parse }: Pick<AppOptions, 'jobs' | 'parse'>): Hono {
  const app = new Hono()

  app.get('/jobs/:id/video', describeVideo, async (c) => {
    const id = c.req.param('id')
    const refuse = (status: 404 | 409 | 410, code: string, message: string) =>
      c.json(errorBody(code, `${message} "${id.slice(0, 200)}"`), status)
    const left = c.req.raw.signal
    for (;;) {
      const job = jobs.get(id)
      if (!job) return refuse(404, 'NOT_FOUND', 'there is no job')
      if (job.result) return c.redirect(job.result.output_url, 302)
      if (isFinal(job))
        return refuse(410, job.error!.code, 'there is no video: see the error of job')
      if (!parse(job.payload, job.id).output.stream) {
        return refuse(
          409,
          'NOT_STREAMED',
          'without output.stream there is no video before the end of',
        )
      }
      c.header('Content-Type', 'video/mp4')
      c.header('Cache-Control', 'no-store')
      c.header('X-Content-Type-Options', 'nosniff')
      c.header('Accept-Ranges', 'none')
      if (c.req.method === 'HEAD') return c.body(null, 200)
      const body = job.video && (await openBody(job.video, left))
      if (body) return c.body(body, 200)
      await changed(job, left)
      if (left.aborted) return c.body(null, 408)
    }
  })

  /** A job that failed, or began anew, is seen to have done so a moment after its video has. */
  async function changed(job: Job, left: AbortSignal): Promise<void> {
    const { video } = job
    while (!isFinal(job) && job.video === video && !left.aborted) await jobs.changed(job, left)
  }
  return app
}

/**
 * The answer's body; undefined where the video failed before its first byte. One that fails later cuts
 * the connection, so that nobody takes a part for the whole.
 */
async function openBody(
  video: GrowingFile,
  left: AbortSignal,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const closed = new AbortController()
  const chunks = video.read(closed.signal)
  const close = (reason: Error) => {
    closed.abort(reason)
    chunks.return(undefined).catch(() => {}) // the reason that it was given
  }
  const leave = () => close(new Error('the viewer has left'))
  left.addEventListener('abort', leave, { once: true })
  const first = await chunks.next().catch(() => undefined)
  if (!first || first.done) return undefined
  let stalled: NodeJS.Timeout | undefined
  return new ReadableStream(
    {
      start: (controller) => controller.enqueue(first.value),
      async pull(controller) {
        clearTimeout(stalled)
        const chunk = await chunks.next()
        if (chunk.done) return controller.close()
        controller.enqueue(chunk.value)
        stalled = setTimeout(() => {
          close(new Error('nobody takes the video'))
          controller.error(closed.signal.reason)
        }, STALLED_MS)
      },
      cancel() {
        clearTimeout(stalled)
        leave()
      },
    },
    { highWaterMark: 0 },
  )
}

const describeVideo = describeOperation({
  tag: 'Jobs',
  summary:
    'Watch the video of a job with `output.stream` while it is rendered; afterwards where it is stored',
  parameters: [pathParameter('id', 'Id of the job')],
  responses: {
    200: {
      description:
        'The video from its first frame on, as it is encoded; ends with it, is cut if it fails.',
      content: { 'video/mp4': { schema: { type: 'string', format: 'binary' } } },
    },
    302: {
      ...response('It is finished.'),
      headers: {
        Location: { schema: { type: 'string' }, description: 'The result’s `output_url`' },
      },
    },
    404: response('There is no such job, or no more.', ErrorBody),
    408: response('The client has gone.'),
    409: response(
      'It can be had when the job has ended: `output.stream` was not asked for.',
      ErrorBody,
    ),
    410: response('The job failed or was canceled.', ErrorBody),
  },
})
