import { delayAbort } from '../../../handler/net/retry.ts'
import { createClient, JobFailed, RequestRefused, WorkerUnreachable } from '../../client/client.ts'
import { SUBMIT_GRACE_MS, waiting, type Destination } from './destination.ts'
import { SubmitError, type Fault } from './submit-error.ts'

/** The HTTP API of a worker. @param key its `API_KEY` */
export function workerDestination(url: string, key: string | undefined): Destination {
  const { origin } = new URL(url)
  const { jobs, uploads } = createClient(url, { key, sticky: true })
  return {
    name: `the worker at ${url}`,
    sendFile: (path, signal, onProgress) =>
      translated(async () => {
        const sent = await uploads.send(path, {
          signal,
          onProgress: (bytes, total) => onProgress(bytes / total),
        })
        return { address: sent.url, remove: (signal) => uploads.remove(sent.id, { signal }) }
      }),
    submit: (job, signal) =>
      translated(async () => {
        const patient = delayAbort(signal, SUBMIT_GRACE_MS)
        return (await jobs.submit(job, { signal: patient })).id
      }),
    follow: (id, onProgress, signal) =>
      translated(async () => {
        onProgress(waiting)
        return await jobs.wait(id, {
          signal,
          onEvent: (event) => event.status === 'running' && onProgress(event),
        })
      }),
    cancel: (id, signal) => translated(async () => void (await jobs.cancel(id, { signal }))),
    videoRequest: (id, { output_url }) => {
      const elsewhere = URL.canParse(output_url) && new URL(output_url).origin !== origin
      if (elsewhere && /^https?:/.test(output_url)) return { url: output_url }
      const headers = key !== undefined && { headers: { authorization: `Bearer ${key}` } }
      return { url: jobs.videoUrl(id), ...headers }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

async function translated<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw toSubmitError(error)
  }
}

/** What a client of ours throws, as a failure of a job; all else stays what it is. */
export function toSubmitError(error: unknown, who = 'the worker'): unknown {
  if (error instanceof JobFailed) {
    const message = error.message.replace(`job ${error.jobId}: `, '')
    return new SubmitError({ ...failureOf(error), message }, 'worker', { cause: error })
  }
  if (error instanceof WorkerUnreachable) {
    const message = error.message.replace('the worker', who)
    return new SubmitError({ ...failureOf(error), message }, 'upstream', { cause: error })
  }
  if (!(error instanceof RequestRefused)) return error
  const fields = error.problems.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`)
  const hint = [401, 403].includes(error.status) ? ' (the key is missing or wrong)' : ''
  const said = `${error.message.replace('the worker', who)}${hint}`
  // A refusal names its bad fields in its sentence already, if it is a worker's.
  const message = fields.some((field) => !said.includes(field))
    ? `${said}: ${fields.join('; ')}`
    : said
  return new SubmitError({ ...failureOf(error), message }, refusalFault(error), { cause: error })
}

const failureOf = ({ code, retryable, ...error }: SubmitErrorLike) => ({
  ...{ code, retryable, stage: error.stage },
})

interface SubmitErrorLike {
  code: string
  retryable: boolean
  stage?: string | undefined
}

const refusalFault = ({ retryable }: RequestRefused): Fault => (retryable ? 'upstream' : 'caller')
