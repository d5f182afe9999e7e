import { on, type EventEmitter } from 'node:events'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import { WorkerError } from '../../../handler/errors.ts'
import { NetworkError } from '../../../handler/net/network-error.ts'
import type { CompletedLease, Source } from '../job-source.ts'
import type { HeldJob } from './job-lock.ts'
import type { LockThread } from './lock-thread.ts'
import type { QueueClient } from './queue-client.ts'

export interface BullmqOptions {
  client: QueueClient
  locks: LockThread
  /** `lost`, with the job that another worker has or that was removed. */
  events: EventEmitter<{ lost: [HeldJob] }>
  workerId: string
}

const POLL_MS = 1_000
/** States from which a job will be taken again. */
const TO_COME = ['waiting', 'prioritized', 'delayed']

type JobOfQueue = NonNullable<Awaited<ReturnType<QueueClient['take']>>>

/** A BullMQ queue. The `ref` of a lease is the token that the job's lock holds. */
export function bullmqSource({ client, locks, events, workerId }: BullmqOptions): Source {
  const jobs = new Map<string, JobOfQueue>()

  function forget(id: string, token: string | undefined): void {
    if (jobs.get(id)?.token !== token) return // it was taken again meanwhile
    jobs.delete(id)
    locks.release(id)
  }

  /** @throws NetworkError where another try may help, or a refusal of BullMQ's */
  async function deliver(
    { held, outcome }: CompletedLease,
    token: string,
  ): Promise<'delivered' | 'refused'> {
    const job = await client.find(held.id)
    if (!job) return 'refused'
    if (!(await client.renew({ id: held.id, token }))) {
      const state = await client.state(job)
      if (outcome.status === 'failed' || !TO_COME.includes(state)) return 'refused'
      // Whoever takes it next may be this worker, which then has the result already.
      throw new NetworkError(`the job has lost its lock and is ${state} again`)
    }
    if (outcome.status === 'succeeded') await client.complete(job, token, outcome.result)
    else if (outcome.error.code === 'SHUTDOWN') await client.handBack(job, token)
    else await client.fail(job, token, JSON.stringify(outcome.error), !outcome.error.retryable)
    return 'delivered'
  }

  return {
    ...{ name: 'bullmq', workerId, pollMs: POLL_MS },
    // It finds out by itself that a lock was not renewed, and that costs the job no attempt.
    reportsInterrupted: false,
    heartbeat: { everyMs: 60_000, timeoutMs: 1_000 },
    heartbeatRequest: () => undefined,
    async claim() {
      const job = await client.take()
      if (!job?.id || job.token === undefined) return []
      const given = job.deferredFailure as string | undefined
      if (given) {
        await client.fail(job, job.token, deferredFailure(given), true)
        return []
      }
      jobs.set(job.id, job)
      locks.hold({ id: job.id, token: job.token })
      return [{ id: job.id, ref: job.token, payload: job.data as unknown }]
    },
    async progress({ id, ref }, event) {
      const job = jobs.get(id)
      if (!job || job.token !== ref) return 'revoked'
      if (await client.tell(job, progressOf(event))) return 'accepted'
      forget(id, ref)
      return 'revoked'
    },
    async deliver(completion) {
      const { id, ref } = completion.held
      const verdict = await deliver(completion, ref ?? '')
      forget(id, ref)
      return verdict
    },
    async *cancellations(signal) {
      try {
        for await (const [{ id, token }] of on(events, 'lost', { signal })) {
          if (jobs.get(id)?.token !== token) continue
          jobs.delete(id)
          yield id
        }
      } catch (error) {
        if (!signal.aborted) throw error
      }
    },
  }
}

/** BullMQ has given it up, and leaves it to a worker to say so: its workers were lost too often, or a child of it failed. */
const deferredFailure = (message: string): string =>
  JSON.stringify(new WorkerError('ENGINE_LOST', message, { retryable: false }))

const progressOf = ({ phase, progress, eta_sec, metrics }: JobEvent) => ({
  ...{ phase, progress, eta_sec, metrics },
})
