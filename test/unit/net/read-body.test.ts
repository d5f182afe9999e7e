import { expect, test } from 'vitest'
import { BodyTooLargeError, readBody } from '../../../handler/net/read-body.ts'

async function* endless() {
  for (;;) yield Buffer.alloc(1000, 'ä')
}

test('a body that is cut anywhere is one text', async () => {
  const bytes = Buffer.from('grün')
  const parts = (async function* () {
    for (const byte of bytes) yield Buffer.from([byte])
  })()
  expect(await readBody(parts, bytes.length)).toBe('grün')
})

test('one without end is given up as soon as it is longer than it may be', async () => {
  await expect(readBody(endless(), 10_000)).rejects.toBeInstanceOf(BodyTooLargeError)
})
