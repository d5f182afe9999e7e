import { expect, test } from 'vitest'
import { IdempotencyKeys } from '../../../runtime/jobs/idempotency-keys.ts'

const DAY = 24 * 3600_000

test('a key names one job, whatever the order of its fields', () => {
  const keys = new IdempotencyKeys()
  const first = keys.check('"a-1"', { a: 1, b: 2 })
  expect(first.id).toMatch(/^key-[0-9a-f]{32}$/)
  first.remember()
  expect(keys.check('a-1', { b: 2, a: 1 }).id).toBe(first.id)
  expect(keys.check('a-2', { a: 1 }).id).not.toBe(first.id)
})

test('a key that stands for another body is refused for a day', () => {
  let now = 0
  const keys = new IdempotencyKeys(() => now)
  keys.check('k', { a: 1 }).remember()
  now = DAY - 1
  expect(() => keys.check('k', { a: 2 })).toThrow(expect.objectContaining({ code: 'JOB_CONFLICT' }))
  now = DAY
  expect(() => keys.check('k', { a: 2 })).not.toThrow()
})

test('a key whose request was not taken stands for nothing', () => {
  const keys = new IdempotencyKeys()
  keys.check('k', { a: 1 })
  expect(() => keys.check('k', { a: 2 })).not.toThrow()
})

test('the oldest keys leave where there are too many', () => {
  const keys = new IdempotencyKeys()
  for (let i = 0; i <= 10_000; i++) keys.check(`k${i}`, i).remember()
  expect(() => keys.check('k0', 'other')).not.toThrow()
  expect(() => keys.check('k1', 'other')).toThrow('used with another body')
})

test('a request without a key has an id of its own', () => {
  const keyed = new IdempotencyKeys().check(undefined, {})
  expect(keyed.id).toBeUndefined()
  expect(() => keyed.remember()).not.toThrow()
})

test.each(['', '""', 'a b', 'x'.repeat(256), 'é'])('%.20j is no key', (header) => {
  expect(() => new IdempotencyKeys().check(header, {})).toThrow(
    expect.objectContaining({ code: 'INVALID_JOB' }),
  )
})
