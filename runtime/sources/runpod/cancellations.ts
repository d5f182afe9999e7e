import * as v from 'valibot'
import { createRetry, sleep } from '../../../handler/net/retry.ts'
import type { Log } from '../../../handler/log.ts'
import { toNetworkError, type Client, type Reply } from './client.ts'

/** Pauses of the stop channel, in milliseconds. */
export interface StopPace {
  emptyMs: number
  busyMs: number
  /** After an answer that says that there is no such channel. */
  absentMs: number
}
const PACE: StopPace = { emptyMs: 1_000, busyMs: 5_000, absentMs: 60_000 }
const MAX_PAUSE_MS = 30_000
const ABSENT = [404, 405, 501]
const Stops = v.pipe(v.string(), v.parseJson(), v.object({ jobsToStop: v.array(v.unknown()) }))

/** Ids of jobs that the platform wants stopped (runpod-python rp_job.py). Never throws. */
export async function* cancellations(
  client: Client,
  url: string | undefined,
  log: Log,
  signal: AbortSignal,
  pace = PACE,
): AsyncGenerator<string> {
  if (url === undefined)
    return log.warn('stops.unknown', { reason: 'the take URL has no /job-take/' })
  const policy = { tries: Infinity, firstMs: pace.emptyMs, maxMs: MAX_PAUSE_MS }
  let tries = createRetry(policy)
  let absent = false
  while (!signal.aborted) {
    try {
      const reply = await client.poll(url, signal)
      const { ids, waitMs } = parseStopResponse(reply, pace)
      if (waitMs === pace.absentMs && !absent) log.info('stops.absent', { status: reply!.status })
      absent = waitMs === pace.absentMs
      yield* ids
      tries = createRetry(policy)
      if (waitMs) await sleep(waitMs, signal)
    } catch (error) {
      if (signal.aborted) return
      log.warn('stops.failed', { tries: tries.count, reason: (error as Error).message })
      await tries.pause(error, signal).catch(() => {})
    }
  }
}

/** @throws NetworkError */
function parseStopResponse(
  reply: Reply | undefined,
  pace: StopPace,
): { ids: string[]; waitMs: number } {
  if (!reply) return { ids: [], waitMs: 0 }
  const { status, text, afterMs = 0 } = reply
  if (ABSENT.includes(status)) return { ids: [], waitMs: pace.absentMs }
  if (status === 429) return { ids: [], waitMs: Math.max(pace.busyMs, afterMs) }
  if (status >= 300) throw toNetworkError(reply)
  const ids = status === 204 ? [] : parseStops(text)
  return { ids, waitMs: ids.length > 0 ? 0 : pace.emptyMs }
}

/** The ids in an answer of the stop channel; none where it is anything else. */
function parseStops(text: string): string[] {
  const parsed = v.safeParse(Stops, text)
  return parsed.success ? parsed.output.jobsToStop.filter((id) => typeof id === 'string') : []
}
