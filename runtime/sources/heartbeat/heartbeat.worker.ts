import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { createTrustedFetch } from '../../../handler/net/guarded-fetch.ts'
import type { ProxySettings } from '../../../handler/net/proxy.ts'
import type { HeartbeatRequest, FromWorker, ToWorker } from './heartbeat-thread.ts'

const RETRY_MS = 2_000

interface HeartbeatOptions {
  everyMs: number
  timeoutMs: number
  proxy?: ProxySettings
}

/** The other end of `heartbeat-thread.ts`: this file is what the thread runs. */
async function beatUntilStopped(
  port: NonNullable<typeof parentPort>,
  { everyMs, timeoutMs, proxy }: HeartbeatOptions,
): Promise<void> {
  const fetch = createTrustedFetch(proxy)
  const stop = new AbortController()
  let beat: HeartbeatRequest | undefined
  let wake = new AbortController()

  port.on('message', (message: ToWorker) => {
    const first = beat === undefined
    beat = message.beat ?? beat
    if (message.stop) stop.abort()
    if (first || message.now || message.stop) wake.abort()
  })

  const send = async ({ url, ...request }: HeartbeatRequest): Promise<number | undefined> => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutMs)])
    try {
      const answer = await fetch(url, { ...request, signal })
      await answer.discard()
      return answer.status
    } catch {
      return undefined
    }
  }

  while (!stop.signal.aborted) {
    const began = performance.now()
    wake = new AbortController()
    const status = beat && (await send(beat))
    if (beat && !stop.signal.aborted) port.postMessage({ status } satisfies FromWorker)
    const isHealthy = status !== undefined && status < 500
    const next = beat && !isHealthy ? Math.min(RETRY_MS, everyMs) : everyMs
    const left = Math.max(0, next - (performance.now() - began))
    await pause(beat ? left : everyMs, undefined, { signal: wake.signal }).catch(() => {})
  }
  port.close()
}

if (parentPort) await beatUntilStopped(parentPort, workerData as HeartbeatOptions)
