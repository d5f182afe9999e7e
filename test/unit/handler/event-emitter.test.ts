import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CanceledError, UpstreamError } from '../../../handler/errors.ts'
import { createJobEvents } from '../../../handler/events/event-emitter.ts'
import type { JobEvent, JobResult } from '../../../handler/events/job-events.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function open() {
  const events: JobEvent[] = []
  const report = createJobEvents({ id: 'j', metadata: { for: 'me' } }, [
    (event) => events.push(event),
  ])
  return { report, events, progress: () => events.map(({ progress }) => progress) }
}
const result = { job_id: 'j' } as JobResult

test('the phases have the numbers that the orchestrator knows', () => {
  const { report, events } = open()
  report.started()
  for (const phase of ['downloading', 'inference'] as const) {
    report.phase(phase)
    vi.advanceTimersByTime(1000)
  }
  report.frames(50, 100)
  vi.advanceTimersByTime(1000)
  for (const phase of ['encoding', 'uploading'] as const) {
    report.phase(phase)
    vi.advanceTimersByTime(1000)
  }
  report.succeeded(result)
  expect(events.map(({ type, phase, progress }) => [type, phase, progress])).toEqual([
    ['job.started', 'downloading', 0],
    ['job.progress', 'downloading', 0.05],
    ['job.progress', 'inference', 0.1],
    ['job.progress', 'inferring', 0.5],
    ['job.progress', 'encoding', 0.9],
    ['job.progress', 'uploading', 0.95],
    ['job.succeeded', 'completed', 1],
  ])
  expect(events.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(events[3]).toMatchObject({
    metrics: { frames_done: 50, frames_total: 100 },
    metadata: { for: 'me' },
    eta_sec: null, // of one moment there is no speed
  })
})

test('a burst becomes one event a second, the latest of it', () => {
  const { report, progress } = open()
  report.phase('downloading')
  for (let i = 0; i <= 1000; i++) {
    report.frames(i, 1000)
    vi.advanceTimersByTime(10)
  }
  expect(progress().length).toBeLessThanOrEqual(11)
  expect(progress().length).toBeGreaterThanOrEqual(10)
  vi.advanceTimersByTime(1000)
  expect(progress().at(-1)).toBe(0.9)
})

describe('the end', () => {
  test('swallows progress that waited', () => {
    const { report, events } = open()
    report.phase('downloading')
    report.phase('inference')
    report.failed(new UpstreamError('UPLOAD_FAILED', 'no'))
    report.phase('uploading')
    vi.advanceTimersByTime(10_000)
    expect(events.map(({ type }) => type)).toEqual(['job.progress', 'job.failed'])
    expect(events[1]).toMatchObject({
      ...{ status: 'failed', progress: 0.1, eta_sec: null },
      error: { code: 'UPLOAD_FAILED', retryable: true },
    })
    expect(vi.getTimerCount()).toBe(0)
  })
  test('comes once', () => {
    const { report, events } = open()
    report.succeeded(result)
    report.failed(new UpstreamError('UPLOAD_FAILED', 'no'))
    expect(events).toHaveLength(1)
  })
  test('is canceled only when the caller cancels', () => {
    const [one, two] = [open(), open()]
    one.report.failed(new CanceledError('CANCELED', 'x'))
    two.report.failed(new CanceledError('SHUTDOWN', 'x'))
    expect(one.events[0]).toMatchObject({ type: 'job.canceled', status: 'canceled' })
    expect(two.events[0]).toMatchObject({ type: 'job.failed', error: { retryable: true } })
  })
})

test('progress never falls', () => {
  const { report, progress } = open()
  for (const phase of ['uploading', 'inference', 'downloading'] as const) {
    report.phase(phase)
    vi.advanceTimersByTime(1000)
  }
  expect(progress()).toEqual([0.95, 0.95, 0.95])
})

test('a listener that throws or rejects is told of, and hinders neither the job nor the others', async () => {
  const events: JobEvent[] = []
  const told: unknown[] = []
  const listeners = [
    () => {
      throw new Error('mine')
    },
    (async () => {
      throw new Error('later')
    }) as () => void,
    (event: JobEvent) => void events.push(event),
  ]
  const report = createJobEvents({ id: 'j', metadata: {} }, listeners, (error) => told.push(error))
  report.started()
  report.succeeded(result)
  await Promise.resolve()
  expect(events.map(({ type }) => type)).toEqual(['job.started', 'job.succeeded'])
  expect(told.map(String).toSorted()).toEqual([
    ...['Error: later', 'Error: later', 'Error: mine', 'Error: mine'],
  ])
})

test('looking at the source is half of the way, and the time left comes from the speed of each half', () => {
  const { report, events } = open()
  report.phase('inference')
  vi.advanceTimersByTime(20_000) // a start that says nothing of the speed
  for (const done of [1, 51, 100]) {
    report.scanned(done, 100)
    vi.advanceTimersByTime(5_000)
  }
  for (const done of [0, 50, 100]) {
    report.frames(done, 100)
    vi.advanceTimersByTime(1_000)
  }
  expect(events.map(({ progress, eta_sec }) => [progress, eta_sec])).toEqual([
    [0.1, null],
    [0.104, null],
    [0.304, 14.9], // 49 to look at and 100 to draw, at a tenth of a second each
    [0.5, 10.101],
    [0.5, null],
    [0.7, 1],
    [0.9, 0],
  ])
})
