import { setTimeout as pause } from 'node:timers/promises'
import { Queue, type Job } from 'bullmq'
import { Redis } from 'ioredis'
import { waited } from './ruin.ts'

/** How a job ended, as whoever gave it was told. */
export interface QueueEnd {
  state: 'completed' | 'failed'
  result: { output_url?: string; sha256?: string; frames?: number } | undefined
  /** An error code, or BullMQ's own words. */
  reason: string
}

const POLL_MS = 500
const QUEUE = 'musetalk'
/** Enough for all that chance can do to a job. */
const OPTIONS = { attempts: 100, backoff: { type: 'fixed', delay: 300 } }

/**
 * Whoever has jobs, and a memory of them: one that Redis has forgotten is added again, until its end is known.
 */
export function queueJobs(url: string) {
  const connection = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => 200 })
  connection.on('error', () => {}) // it is killed
  const queue = new Queue(QUEUE, { connection, streams: { events: { maxLen: 1_000_000 } } })
  queue.on('error', () => {})
  const given = new Map<string, object>()
  const ends = new Map<string, QueueEnd>()
  let again = 0

  /** What comes to nothing while Redis is away is asked again. */
  async function patiently<T>(run: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await run()
      } catch {
        await pause(POLL_MS)
      }
    }
  }
  const add = (id: string, data: object) =>
    patiently(() => queue.add('render', data, { jobId: id, ...OPTIONS }))

  async function look(id: string): Promise<void> {
    const job = await patiently(async () => (await queue.getJob(id)) as Job | undefined)
    if (!job) {
      again++
      await add(id, given.get(id)!)
      return
    }
    const state = await patiently(() => job.getState())
    if (state !== 'completed' && state !== 'failed') return
    // What was read before its end may lack it.
    const { returnvalue, failedReason } = (await patiently(() => queue.getJob(id))) ?? job
    ends.set(id, { state, result: returnvalue, reason: codeIn(failedReason) })
  }
  return {
    connection,
    ends,
    /** How many were added once more. */
    again: () => again,
    async give(id: string, data: object) {
      given.set(id, data)
      await add(id, data)
    },
    /** Resolves when the ends of so many are known. @returns false where it was over before */
    async ended(count: number, over: AbortSignal): Promise<boolean> {
      while (ends.size < count) if (!(await waited(100, over))) return false
      return true
    },
    /** Resolves when every job's end is known. */
    async settled(signal: AbortSignal): Promise<void> {
      for (;;) {
        const open = [...given.keys()].filter((id) => !ends.has(id))
        if (open.length === 0) return
        for (const id of open) {
          signal.throwIfAborted()
          await look(id)
        }
        await pause(POLL_MS, undefined, { signal })
      }
    },
    async [Symbol.asyncDispose]() {
      connection.disconnect()
      await queue.close().catch(() => {})
    },
  }
}

function codeIn(failedReason: string | undefined): string {
  try {
    return (JSON.parse(failedReason ?? '') as { code: string }).code
  } catch {
    return failedReason ?? ''
  }
}

/** Names that BullMQ keeps what is no job under; lists and sets of jobs are looked at one by one. */
const OF_THE_QUEUE = new Set([
  ...['wait', 'active', 'paused', 'delayed', 'prioritized', 'waiting-children', 'stalled'],
  ...['completed', 'failed', 'meta', 'id', 'events', 'marker', 'stalled-check', 'limiter', 'pc'],
])

/** What a queue may not hold once every job has ended, and events that say that one ended twice. */
export async function queueViolations(redis: Redis, ids: readonly string[]): Promise<string[]> {
  const prefix = `bull:${QUEUE}:`
  const wrong: string[] = []
  for (const list of ['wait', 'active', 'paused']) {
    const left = await redis.lrange(`${prefix}${list}`, '0', '-1')
    wrong.push(...left.map((id) => `${id} is left in the list "${list}"`))
  }
  for (const set of ['delayed', 'prioritized', 'waiting-children']) {
    const left = await redis.zrange(`${prefix}${set}`, '0', '-1')
    wrong.push(...left.map((id) => `${id} is left in the set "${set}"`))
  }
  const stalled = await redis.smembers(`${prefix}stalled`)
  wrong.push(...stalled.map((id) => `${id} is left in the set "stalled"`))
  const added = new Set(ids)
  const known = new Set<string>()
  for (const set of ['completed', 'failed']) {
    for (const id of await redis.zrange(`${prefix}${set}`, '0', '-1')) {
      if (added.has(id)) known.add(id)
      else wrong.push(`${id}, which nobody has added, is left in the set "${set}"`)
    }
  }
  for (const key of await redis.keys(`${prefix}*`)) {
    const [id, ...more] = key.slice(prefix.length).split(':')
    if (OF_THE_QUEUE.has(id!)) continue
    if (more.length > 0) wrong.push(`the key ${key} is left`)
    else if (!added.has(id!)) wrong.push(`the key ${key} is left of a job that nobody has added`)
    else if (!known.has(id!)) wrong.push(`${id} has not ended, and is in no list`)
  }
  const ends = new Map<string, number>()
  for (const [, fields] of await redis.xrange(`${prefix}events`, '-', '+')) {
    const event = Object.fromEntries(pairs(fields)) as { event?: string; jobId?: string }
    if (event.event !== 'completed' && event.event !== 'failed') continue
    ends.set(event.jobId!, (ends.get(event.jobId!) ?? 0) + 1)
  }
  for (const id of ids) {
    const count = ends.get(id) ?? 0
    if (count > 1) wrong.push(`${id} has ended ${count} times`)
  }
  return wrong
}

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]!] as [string, string]] : []))
}
