import { expect, test } from 'vitest'
import { LOG_LEVELS, withLogFields } from '../../../handler/log.ts'
import { createJsonLogger } from '../../../runtime/log/json-log.ts'
import { LOG_THRESHOLDS, type LogThreshold } from '../../../runtime/log/levels.ts'

function linesAt(threshold: LogThreshold) {
  const lines: Record<string, unknown>[] = []
  const log = createJsonLogger(threshold, (line) => lines.push(JSON.parse(line)))
  for (const level of LOG_LEVELS) log[level]('an.event', { seconds: 1 })
  return lines
}

test('a line has its time, its level, its event and the fields', () => {
  const [line] = linesAt('debug')
  expect(line).toEqual({
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as unknown,
    ...{ level: 'debug', event: 'an.event', seconds: 1 },
  })
})

test('LOG_LEVEL says the least that is logged', () => {
  const levels = LOG_THRESHOLDS.map((threshold) => linesAt(threshold).map(({ level }) => level))
  expect(levels).toEqual([
    [],
    ['debug', 'info', 'warn', 'error'],
    ['info', 'warn', 'error'],
    ['warn', 'error'],
    ['error'],
  ])
})

test('fields that are common to all lines are on each of them', () => {
  const lines: unknown[] = []
  const log = createJsonLogger('info', (line) => lines.push(JSON.parse(line)))
  withLogFields(log, { job: 'a' }).warn('x.failed', { reason: 'why' })
  expect(lines).toMatchObject([{ level: 'warn', event: 'x.failed', job: 'a', reason: 'why' }])
})
