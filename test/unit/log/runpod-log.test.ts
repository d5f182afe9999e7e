import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { LOG_LEVELS } from '../../../handler/log.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import { RUNPOD_MESSAGES, runpodLevel, runpodLog } from '../../../runtime/log/runpod-log.ts'

function logged(level: Parameters<typeof runpodLog>[0]) {
  const lines: Record<string, unknown>[] = []
  const log = runpodLog(level, (line) => {
    expect(line.endsWith('\n')).toBe(true)
    lines.push(JSON.parse(line) as Record<string, unknown>)
  })
  return { log, lines }
}

test('every line has the three keys that RunPod’s console reads, first', () => {
  const { log, lines } = logged('INFO')
  log.info('claim.taken', { job: 'a', held: 0 })
  log.info('stage', { job: 'a', stage: 'avatar', seconds: 1.5 })
  log.info('outcome.delivered', { job: 'a', status: 'succeeded' })
  log.info('worker.ready')
  expect(lines.map((line) => Object.keys(line).slice(0, 3))).toEqual(
    Array(4).fill(['requestId', 'message', 'level']),
  )
  expect(lines.map(({ requestId, message }) => [requestId, message])).toEqual([
    ['a', 'Started.'],
    ['a', 'stage stage=avatar seconds=1.5'],
    ['a', 'Finished.'],
    [null, 'worker.ready'],
  ])
})

test('a long message is cut in the middle and said once', () => {
  const { log, lines } = logged('INFO')
  log.warn('job.failed', { job: 'a', message: `<${'x'.repeat(9_000)}>`, code: 'BUG' })
  const message = String(lines[0]!['message'])
  expect(message.length).toBeLessThan(4_200)
  expect(message).toMatch(
    /^job\.failed message=<x+\n\.\.\.TRUNCATED \d+ CHARACTERS\.\.\.\nx+> code=BUG$/,
  )
  expect(lines[0]).toMatchObject({ level: 'WARN', code: 'BUG', event: 'job.failed' })
})

test('each of the sentences that RunPod’s users know belongs to an event that the program logs', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const sources = globSync('{handler,runtime}/**/*.ts', { cwd: root })
  const code = sources.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
  // `outcome.${verdict}` is logged by the answer.
  const logged = (event: string) =>
    code.includes(`log.info('${event}'`) || code.includes('](`' + event.replace(/\w+$/, '${'))
  expect(Object.keys(RUNPOD_MESSAGES).filter((event) => !logged(event))).toEqual([])
})

test('what is less important than the level is not said', () => {
  const said = (level: Parameters<typeof runpodLog>[0]) => {
    const { log, lines } = logged(level)
    // Names that nobody has heard of: the level is the call's, not the event's.
    for (const severity of LOG_LEVELS) log[severity](`new.${severity}`)
    return lines.map((line) => line['level'])
  }
  expect(said('DEBUG')).toEqual(['DEBUG', 'INFO', 'WARN', 'ERROR'])
  expect(said('INFO')).toEqual(['INFO', 'WARN', 'ERROR'])
  expect(said('ERROR')).toEqual(['ERROR'])
  expect(said('NOTSET')).toEqual([])
})

test('RunPod’s variables set the level, else ours does', () => {
  expect(runpodLevel(readConfig({}))).toBe('INFO')
  expect(runpodLevel(readConfig({ LOG_LEVEL: 'silent' }))).toBe('NOTSET')
  expect(runpodLevel(readConfig({ RUNPOD_DEBUG_LEVEL: 'warn', LOG_LEVEL: 'debug' }))).toBe('WARN')
  expect(runpodLevel(readConfig({ RUNPOD_LOG_LEVEL: 'ERROR', RUNPOD_DEBUG_LEVEL: 'INFO' }))).toBe(
    'ERROR',
  )
  expect(() => readConfig({ RUNPOD_LOG_LEVEL: 'LOUD' })).toThrow('RUNPOD_LOG_LEVEL')
})

test('RunPod’s variables have the platform’s defaults and bounds', () => {
  expect(readConfig({}).RUNPOD_PING_INTERVAL).toBe(10_000)
  expect(readConfig({ RUNPOD_PING_INTERVAL: '5' }).RUNPOD_PING_INTERVAL).toBe(1_000)
  expect(readConfig({ RUNPOD_PING_INTERVAL: '900000' }).RUNPOD_PING_INTERVAL).toBe(60_000)
  const take = { RUNPOD_WEBHOOK_GET_JOB: 'http://a.test/job-take/$ID' }
  expect([readConfig({}).CONCURRENCY, readConfig(take).CONCURRENCY]).toEqual([2, 1])
  expect(readConfig({ ...take, CONCURRENCY: '3' }).CONCURRENCY).toBe(3)
})
