import { expect, test } from 'vitest'
import { createTerminalLogger } from '../../../runtime/log/terminal-log.ts'

test('a line for people has the time, the level, the event and its fields', () => {
  const lines: string[] = []
  const log = createTerminalLogger('info', (line) => lines.push(line))
  log.debug('not.said')
  log.info('stage', { job: 'j1', stage: 'probe', seconds: 0.5, reason: undefined })
  log.warn('webhook.failed', { reason: 'it said "no"\n\x1b[2J\x9b' })
  const plain = lines.map((line) => line.replaceAll(/\x1b\[\d+m/g, '').slice(9))
  expect(plain).toEqual([
    'info  stage job=j1 stage=probe seconds=0.5\n',
    'warn  webhook.failed reason="it said \\"no\\"\\n\\u001b[2J"\n',
  ])
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d /)
})
