import { expect, test } from 'vitest'
import { readConfig } from '../../../runtime/config/config.ts'
import { formatBugReport } from '../../../runtime/doctor/bug-report.ts'
import { fail, ok, warn } from '../../../runtime/doctor/check-result.ts'
import { whatToDoFirst } from '../../../runtime/doctor/doctor.ts'

test('a bug report has settings and findings, and no secret wherever one stands', () => {
  const config = readConfig({
    ...{
      API_KEY: 'very-secret-1',
      PORT: '8123',
      HTTPS_PROXY: 'http://me:very-secret-2@proxy:3128',
    },
    S3_PUBLIC_BASE_URL: 'https://cdn.test/a?token=very-secret-3',
    REDIS_URL: 'redis://:very-secret-4@one:6379,redis://:very-secret-5@two:6379',
  })
  const checks = [fail('storage', 'refused the key very-secret-1', 'mend it')]
  const text = formatBugReport({ version: '1.2.3', revision: null }, config, checks)
  expect(text).not.toContain('very-secret')
  expect(JSON.parse(text)).toMatchObject({
    program: { version: '1.2.3', node: process.version },
    settings: { API_KEY: '(set)', PORT: 8123 },
    checks: [{ message: 'refused the key (removed)' }],
  })
})

test('the doctor ends with what to do first', () => {
  const fine = ok('ports', 'free')
  const slow = warn('machine', 'one core', 'take two')
  const broken = fail('ffmpeg', 'is missing', 'install it')
  expect(whatToDoFirst([fine])).toContain('musetalk-worker start')
  expect(whatToDoFirst([slow, fine])).toBe('it works; to make it better (machine): take two')
  expect(whatToDoFirst([slow, broken])).toBe('do this first (ffmpeg): install it')
})
