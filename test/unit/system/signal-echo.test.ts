import { expect, test } from 'vitest'
import { createEchoFilter } from '../../../runtime/signal-echo.ts'

test('the same signal within a moment is an echo; another one, or a later one, is not', () => {
  let now = 0
  const isEcho = createEchoFilter(() => now)
  expect(isEcho('SIGINT')).toBe(false)
  now = 499
  expect(isEcho('SIGINT')).toBe(true)
  expect(isEcho('SIGTERM')).toBe(false)
  now = 500
  expect(isEcho('SIGINT')).toBe(false)
  now = 999
  expect(isEcho('SIGINT')).toBe(true)
})
