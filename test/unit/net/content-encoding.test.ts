import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { codingsOf, decodeBody } from '../../../handler/net/content-encoding.ts'

const CONTENT = Buffer.from('RIFF, and what follows it')

/** As a slow line may bring it. */
async function* byteByByte(bytes: Uint8Array) {
  for (const byte of bytes) yield Uint8Array.of(byte)
}

async function decoded(label: string, bytes: Uint8Array): Promise<string> {
  const chunks = await Array.fromAsync(decodeBody(byteByByte(bytes), codingsOf(label)))
  return Buffer.concat(chunks).toString()
}

test.each([
  ['gzip', gzipSync(CONTENT)],
  ['zstd', zstdCompressSync(CONTENT)],
  ['gzip', CONTENT], // a label that is not true
  ['gzip', CONTENT.subarray(0, 3)],
  ['gzip', CONTENT.subarray(0, 0)],
])('what was done to a body is seen however few bytes come at a time: %s', async (label, bytes) => {
  const isCoded = bytes.length > CONTENT.length || bytes[0] === 0x28
  expect(await decoded(label, bytes)).toBe((isCoded ? CONTENT : bytes).toString())
})
