import type { ProxySettings } from '../../../handler/net/proxy.ts'
import type { Log } from '../../../handler/log.ts'
import { startHeartbeat } from './heartbeat-thread.ts'
import type { WorkerStatus, Source } from '../job-source.ts'

/** Keeps the source's heartbeat saying what is true. */
export interface HeartbeatScheduler extends AsyncDisposable {
  /** Something has changed that the next beat should tell; `now` tells it at once. */
  refresh(now?: boolean): void
  /** Resolves when the first beat was answered, or not. */
  first: Promise<void>
}

/** Between two beats out of turn, so that a server that refuses all of them is not flooded. */
const MIN_INTERVAL_MS = 1_000

export function createHeartbeatScheduler(
  source: Source,
  status: () => WorkerStatus,
  log: Log,
  proxy?: ProxySettings,
): HeartbeatScheduler {
  const { everyMs, timeoutMs } = source.heartbeat
  const { promise: first, resolve: begun } = Promise.withResolvers<void>()
  let last: string | undefined
  let registeredAt = -Infinity

  const thread = startHeartbeat({
    ...{ everyMs, timeoutMs },
    ...(proxy && { proxy }),
    onAnswer(status) {
      source.onHeartbeatResponse?.(status)
      const answer = classifyStatus(status)
      if (answer !== last)
        log[answer === 'accepted' ? 'info' : 'warn'](`heartbeat.${answer}`, {
          status: status ?? null,
          source: source.name,
        })
      last = answer
      begun()
      // It has forgotten its workers, and a heartbeat is how they register.
      if (answer !== 'unknown' || performance.now() - registeredAt < everyMs) return
      registeredAt = performance.now()
      again = setTimeout(refresh, MIN_INTERVAL_MS, true)
    },
  })
  let again: NodeJS.Timeout | undefined
  const refresh = (now = false) => {
    const beat = source.heartbeatRequest(status())
    if (beat) thread.update(beat, now)
    else begun() // none is wanted, so none is waited for
  }
  // What it says of memory and disk is at most half a beat old.
  const timer = setInterval(refresh, everyMs / 2)
  refresh()
  return {
    refresh,
    first,
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      clearTimeout(again)
      await thread[Symbol.asyncDispose]()
    },
  }
}

function classifyStatus(status: number | undefined): string {
  if (status === undefined) return 'unanswered'
  if (status >= 200 && status < 300) return 'accepted'
  if (status === 404 || status === 410) return 'unknown'
  return status === 401 || status === 403 ? 'forbidden' : 'refused'
}
