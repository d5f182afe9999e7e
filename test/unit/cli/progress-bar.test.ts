import { describe, expect, test } from 'vitest'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import { createProgressPrinter } from '../../../runtime/cli/progress-bar.ts'

const event = (progress: number, change: Partial<JobEvent> = {}): JobEvent =>
  ({
    ...{ seq: 0, job_id: 'j', type: 'job.progress', status: 'running', phase: 'inferring' },
    ...{ progress, eta_sec: null, metrics: {}, at: '' },
    ...change,
  }) as JobEvent

function shown(out: { isTTY?: boolean; columns?: number }, events: JobEvent[]): string {
  let text = ''
  const sink = createProgressPrinter({ ...out, write: (more) => void (text += more) })
  for (const one of events) sink(one)
  return text
}

describe('where nobody watches', () => {
  test('one line for each tenth of the way', () => {
    const events = Array.from({ length: 100 }, (_, i) => event(i / 100))
    const lines = shown({}, events).trimEnd().split('\n')
    expect(lines.length).toBeGreaterThanOrEqual(9)
    expect(lines.length).toBeLessThanOrEqual(11)
    expect(lines[0]).toBe('  0 % inferring')
  })
  test('each phase and the end are told', () => {
    const text = shown({}, [
      event(0.05, { phase: 'downloading' }),
      event(0.1, { phase: 'inference' }),
      event(1, { status: 'succeeded', phase: 'completed' }),
    ])
    expect(text).toBe('  5 % downloading\n 10 % inference\n100 % succeeded\n')
  })
  test('with frames and the time to go', () => {
    const metrics = { frames_done: 10, frames_total: 40 }
    expect(shown({}, [event(0.3, { metrics, eta_sec: 2.2 })])).toBe(
      ' 30 % inferring, frame 10/40, 3 s to go\n',
    )
  })
  test('nothing moves the cursor', () => {
    expect(shown({}, [event(0.2), event(0.9)])).not.toMatch(/[\r\x1b]/)
  })
})

describe('on a terminal', () => {
  test('one line is drawn over and over, and left at the end', () => {
    const text = shown({ isTTY: true, columns: 80 }, [event(0.5), event(1, { status: 'failed' })])
    expect(text.match(/\r/g)).toHaveLength(2)
    expect(text.match(/\n/g)).toHaveLength(1)
    expect(text).toContain('█'.repeat(15) + '░'.repeat(15))
    expect(text.trimEnd()).toMatch(/failed$/)
  })
  test('never wider than the window', () => {
    const text = shown({ isTTY: true, columns: 20 }, [event(0.5)])
    expect(text.replace(/^\r\x1b\[K/, '').length).toBeLessThan(20)
  })
})
