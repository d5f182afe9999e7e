import type { JobEvent } from '../../handler/events/job-events.ts'
import { wait, type Requester, type RequestOptions } from './requester.ts'

export interface FollowOptions extends RequestOptions {
  /** `seq` of the last event that is known already. */
  after?: number
  /** How long a connection may say nothing; the worker speaks every 15 s. */
  silenceMs?: number
}

const LONGEST_PAUSE_MS = 10_000
const ENDS: readonly string[] = ['job.succeeded', 'job.failed', 'job.canceled']

/**
 * The events of a job until it has ended. Where the line breaks or falls silent, the worker is asked how the
 * job is, and the next connection goes on after the last event: behind a proxy that holds answers back this
 * comes to polling.
 *
 * @param path of the job
 * @throws RequestRefused where the worker knows the job no more; WorkerUnreachable; the signal's reason
 */
export async function* followEvents(
  { ask, retryDelayMs }: Requester,
  path: string,
  { after, silenceMs = 45_000, signal }: FollowOptions,
): AsyncGenerator<JobEvent, void> {
  let last = after
  let pause = retryDelayMs
  for (;;) {
    const watch = watchSilence(silenceMs, signal)
    try {
      const response = await ask('GET', `${path}/events`, {
        headers: { ...(last !== undefined && { 'last-event-id': String(last) }) },
        signal: watch.signal,
      })
      if (response.status === 204) return
      for await (const event of readEvents(response.body!, watch.heard)) {
        last = event.seq
        pause = retryDelayMs
        yield event
        if (ENDS.includes(event.type)) return
      }
    } catch (error) {
      signal?.throwIfAborted()
      // Reading fails with what the platform likes; a refusal is an answer, and stays one.
      if (error instanceof Error && ['RequestRefused', 'WorkerUnreachable'].includes(error.name))
        throw error
    } finally {
      watch.end()
    }
    await wait(pause, signal)
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS)
    await ask('GET', path, signal ? { signal } : {})
  }
}

/** Aborts what says nothing for so long, and what is left before its end. */
function watchSilence(ms: number, signal: AbortSignal | undefined) {
  const silent = new AbortController()
  const giveUp = () => silent.abort(new Error('the connection has fallen silent'))
  let timer = setTimeout(giveUp, ms)
  return {
    signal: signal ? AbortSignal.any([signal, silent.signal]) : silent.signal,
    heard() {
      clearTimeout(timer)
      timer = setTimeout(giveUp, ms)
    },
    end() {
      clearTimeout(timer)
      silent.abort()
    },
  }
}

/** The `data` of server-sent events; ours stand on one line each. */
async function* readEvents(
  body: ReadableStream<Uint8Array>,
  heard: () => void,
): AsyncGenerator<JobEvent, void> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let text = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    heard()
    text += decoder.decode(value, { stream: true })
    const events = text.split(/\r?\n\r?\n/)
    text = events.pop()!
    for (const event of events) {
      const data = /^data: ?(.*)$/m.exec(event)?.[1]
      if (data !== undefined) yield JSON.parse(data) as JobEvent
    }
  }
}
