import { expect, test } from 'vitest'
import { createTracer } from '../../../runtime/tracing/create-tracer.ts'
import { formatTraceparent, parseTraceparent } from '../../../runtime/tracing/tracer.ts'

const VALID = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

test('a traceparent is read and written as W3C says', () => {
  const span = parseTraceparent(VALID)!
  expect(span).toEqual({
    ...{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 },
  })
  expect(formatTraceparent(span)).toBe(VALID)
  // A later version may have more at its end.
  expect(parseTraceparent(`01${VALID.slice(2)}-more`)).toEqual(span)
})

test.each([
  undefined,
  '',
  'nonsense',
  VALID.toUpperCase(),
  `ff${VALID.slice(2)}`,
  VALID.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
  VALID.replace('b7ad6b7169203331', '0'.repeat(16)),
])('%j is none', (header) => expect(parseTraceparent(header)).toBeUndefined())

test('without a collector a job keeps the trace that it came with, and has none else', async () => {
  await using tracer = await createTracer({
    ...{ endpoint: undefined, serviceName: 's', version: '1', instance: 'i' },
  })
  expect(tracer.startJob('j', undefined)).toBeUndefined()
  expect(tracer.startJob('j', VALID)).toMatchObject({ traceparent: VALID })
})
