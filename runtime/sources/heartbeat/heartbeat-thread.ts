import { Worker } from 'node:worker_threads'
import type { ProxySettings } from '../../../handler/net/proxy.ts'

/** One request that says that this worker lives. */
export interface HeartbeatRequest {
  method: 'GET' | 'POST'
  url: string
  headers: Record<string, string>
  body?: string
}

export interface HeartbeatOptions {
  everyMs: number
  timeoutMs: number
  proxy?: ProxySettings
  /** Told of each answer's status; undefined: none came. */
  onAnswer(status: number | undefined): void
}

/**
 * Signs of life from a thread of their own, so that nothing this process does can delay them: the
 * first at once, then one every `everyMs`; sooner after one that failed.
 */
export interface Heartbeat extends AsyncDisposable {
  /** What the next beats say; `now` sends one at once. */
  update(beat: HeartbeatRequest, now?: boolean): void
}

export interface ToWorker {
  beat?: HeartbeatRequest
  now?: boolean
  stop?: true
}

export interface FromWorker {
  status: number | undefined
}

export function startHeartbeat({ onAnswer, ...pace }: HeartbeatOptions): Heartbeat {
  const entry = import.meta.url.endsWith('.ts') ? './heartbeat.worker.ts' : './heartbeat.worker.js'
  const worker = new Worker(new URL(entry, import.meta.url), { workerData: pace })
  worker.on('message', ({ status }: FromWorker) => onAnswer(status))
  // A heart that cannot beat makes a worker that looks dead: better to be one, and be started again.
  worker.on('error', (cause) => {
    throw new Error('the heartbeat has died', { cause })
  })
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  const post = (message: ToWorker) => worker.postMessage(message)
  return {
    update: (beat, now = false) => post({ beat, now }),
    async [Symbol.asyncDispose]() {
      post({ stop: true })
      await ended
    },
  }
}
