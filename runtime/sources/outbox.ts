import { once } from 'node:events'
import * as v from 'valibot'
import { backoff } from '../../handler/net/retry.ts'
import { NetworkError } from '../../handler/net/network-error.ts'
import type { Backoff } from '../../handler/net/timeouts.ts'
import type { Log } from '../../handler/render/context.ts'
import { openRecords } from './durable-records.ts'
import type { Completion, Held, Source } from './job-source.ts'

/** An outcome is told until it is heard or refused, however long that takes. */
const UNTIL_HEARD: Backoff = { tries: Infinity, firstMs: 1_000, maxMs: 60_000 }

const Id = v.object({ id: v.string(), ref: v.optional(v.string()) })
const Stored = v.object({
  held: Id,
  outcome: v.variant('status', [
    v.looseObject({ status: v.literal('succeeded'), result: v.looseObject({}) }),
    v.looseObject({ status: v.literal('failed'), error: v.looseObject({ code: v.string() }) }),
  ]),
  at: v.string(),
})

/** Outcomes on their way: on disk before they are told, until they were heard. */
export interface Outbox extends AsyncDisposable {
  /** Those that were not heard of yet, the oldest first. */
  list(): Completion[]
  /** Resolves when the outcome is safe; it is told in the background from then on. */
  put(completion: Completion): Promise<void>
  /** An outcome that was overtaken: the giver wants the job done again. */
  drop(id: string): Promise<void>
  /** Have something called whenever `list()` has changed. */
  watch(changed: () => void): void
  /** Resolves when all were heard or refused, or the signal aborts. */
  settled(signal: AbortSignal): Promise<void>
}

export interface OutboxOptions {
  dir: string
  deliver: Source['deliver']
  log: Log
  patience?: Backoff
}

interface Telling {
  completion: Completion
  over: AbortController
  telling: Promise<void>
}

/** What a former life of this worker left is told first. Disposing stops the telling, not the keeping. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  const { dir, deliver, log, patience = UNTIL_HEARD } = options
  const records = await openRecords(dir, (json) =>
    v.is(Stored, json) ? (json as unknown as Completion) : undefined,
  )
  const stop = new AbortController()
  let changed = () => {}
  const open = new Map<string, Telling>()

  function tell(completion: Completion): void {
    const { id } = completion.held
    const over = new AbortController()
    const signal = AbortSignal.any([stop.signal, over.signal])
    const entry = { completion, over, telling: untilHeard(completion, signal) }
    open.set(id, entry)
    entry.telling = entry.telling.finally(() => {
      if (stop.signal.aborted || open.get(id) !== entry) return
      open.delete(id)
      changed()
    })
    changed()
  }

  /** Never throws. */
  async function untilHeard(completion: Completion, signal: AbortSignal): Promise<void> {
    const { held, outcome } = completion
    const tries = backoff(patience)
    for (;;) {
      try {
        const verdict = await deliver(completion, signal)
        log(`outcome.${verdict}`, { job: held.id, status: outcome.status, tries: tries.count })
        await forget(held)
        return
      } catch (error) {
        if (signal.aborted) return
        const reason = (error as Error).message
        log('outcome.unheard', { job: held.id, status: outcome.status, tries: tries.count, reason })
        const afterMs = error instanceof NetworkError ? error.afterMs : undefined
        await tries.pause(error, signal, afterMs).catch(() => {})
        if (signal.aborted) return
      }
    }
  }

  const forget = ({ id }: Held) =>
    records.remove(id).catch((error: Error) => log('outbox.stuck', { reason: error.message }))

  for (const completion of await records.all()) tell(completion)
  return {
    list: () => [...open.values()].map(({ completion }) => completion),
    async put(completion) {
      // On a full disk it is told all the same; only a crash now could lose it.
      await records
        .put(completion.held.id, completion)
        .catch((error: Error) => log('outbox.unsafe', { reason: error.message }))
      tell(completion)
    },
    async drop(id) {
      const entry = open.get(id)
      if (!entry) return
      open.delete(id)
      entry.over.abort()
      await entry.telling
      await forget({ id })
      changed()
    },
    watch: (run) => void (changed = run),
    async settled(signal) {
      if (signal.aborted) return
      const over = once(signal, 'abort')
      while (open.size > 0 && !signal.aborted) {
        await Promise.race([over, ...[...open.values()].map(({ telling }) => telling)])
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all([...open.values()].map(({ telling }) => telling))
    },
  }
}
