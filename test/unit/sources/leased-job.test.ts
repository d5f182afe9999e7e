import { describe, expect, test } from 'vitest'
import { silentLog } from '../../../handler/log.ts'
import { runLeasedJob, type LeaseOptions } from '../../../runtime/sources/leased-job.ts'
import type { CompletedLease, Lease, Source } from '../../../runtime/sources/job-source.ts'
import { heldJobs, JOB, settle } from '../../helpers/jobs/controlled-jobs.ts'

const LEASE: Lease = { id: 'a', payload: { ...JOB } }

/** A worker whose jobs and whose journal go on when the test says so. */
function pretend(progress: Source['progress'] = async () => 'accepted') {
  const held = heldJobs()
  held.jobs.open()
  const told: CompletedLease[] = []
  const { promise: removal, resolve: remove } = Promise.withResolvers<void>()
  const options = {
    source: { progress } as Source,
    jobs: held.jobs,
    outbox: { put: async (one: CompletedLease) => void told.push(one), discard: async () => {} },
    journal: { put: async () => {}, remove: () => removal, all: async () => [] },
    ...{ origin: 'http://worker.test', changed() {}, log: silentLog },
  } as unknown as LeaseOptions
  return { ...held, options, told, remove }
}

describe('a job that is handed out again', () => {
  test('while it runs is told of under both names', async () => {
    const { options, told, next, remove } = pretend()
    const lease = runLeasedJob(LEASE, options)
    const call = await next()
    expect([lease.join(LEASE), lease.join({ id: 'a', ref: 'b' })]).toEqual([true, true])
    call.succeed()
    remove()
    await lease.done
    expect(told.map(({ held }) => held)).toEqual([{ id: 'a' }, { id: 'a', ref: 'b' }])
  })
  test('when its outcome is on its way is begun again', async () => {
    const { options, told, next } = pretend()
    const lease = runLeasedJob(LEASE, options)
    const call = await next()
    call.fail(new Error('for the test'))
    while (told.length === 0) await settle()
    await settle()
    expect(lease.join(LEASE)).toBe(false) // though its note is still being removed
  })
  test('when it was given up is begun again, once its first end is over', async () => {
    const { promise: answer, resolve } = Promise.withResolvers<'revoked'>()
    const answers = [answer]
    const progress = async () => answers.shift() ?? 'accepted'
    const { options, told, next, remove } = pretend(progress)
    const lease = runLeasedJob(LEASE, options)
    const first = await next()
    lease.abandon()
    expect([lease.join(LEASE), lease.join({ id: 'a', ref: 'b' })]).toEqual([false, false])
    const again = runLeasedJob({ ...LEASE, ref: 'b' }, { ...options, before: lease.done })
    const second = next()
    let isBegun = false
    void second.then(() => (isBegun = true))
    await settle()
    expect([first.signal.aborted, isBegun]).toEqual([true, false])
    resolve('revoked')
    remove()
    const call = await second
    call.succeed()
    await again.done
    expect(told).toMatchObject([{ held: { id: 'a', ref: 'b' }, outcome: { status: 'succeeded' } }])
  })
})
