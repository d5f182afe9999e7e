import { rm, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { growingFile } from '../../helpers/growing-file.ts'

const never = new AbortController().signal
const growing = growingFile()

async function rest(reader: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of reader) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const next = async (reader: AsyncGenerator<Uint8Array>) =>
  Buffer.from((await reader.next()).value as Uint8Array).toString()

describe('a growing file', () => {
  test('is read from its first byte, whenever a reader comes, until it is complete', async () => {
    const early = growing.file.read(never)
    const first = next(early)
    await growing.append('one ')
    expect(await first).toBe('one ')
    await growing.append('two ')
    const late = growing.file.read(never)
    expect(await next(late)).toBe('one two ')
    const rests = [rest(early), rest(late)]
    await growing.append('three')
    growing.file.complete()
    expect(await Promise.all(rests)).toEqual(['two three', 'three'])
  })

  test('is handed out in small pieces, each with memory of its own', async () => {
    const bytes = Buffer.alloc(200_000, 'abcdefg')
    await writeFile(growing.file.path, bytes)
    growing.file.complete()
    const chunks: Uint8Array[] = []
    for await (const chunk of growing.file.read(never)) chunks.push(chunk)
    expect(Math.max(...chunks.map((chunk) => chunk.byteLength))).toBeLessThanOrEqual(65_536)
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
  })

  test('is read to its end by who has begun, though it is removed', async () => {
    await growing.append('begun, ')
    const reader = growing.file.read(never)
    expect(await next(reader)).toBe('begun, ')
    await growing.append('and ended')
    growing.file.complete()
    await rm(growing.file.path)
    expect(await rest(reader)).toBe('and ended')
    await expect(rest(growing.file.read(never))).rejects.toThrow('removed before it was read')
  })

  test('never ends well for its readers when it has failed, whatever comes after', async () => {
    await growing.append('half')
    const reader = growing.file.read(never)
    expect(await next(reader)).toBe('half')
    const waiting = rest(reader)
    growing.file.fail(new Error('the job was canceled'))
    growing.file.complete()
    await expect(waiting).rejects.toThrow('the job was canceled')
    await expect(rest(growing.file.read(never))).rejects.toThrow('the job was canceled')
  })

  test('is left by a reader that is aborted, and by no other', async () => {
    const stop = new AbortController()
    const [leaving, staying] = [
      rest(growing.file.read(stop.signal)),
      rest(growing.file.read(never)),
    ]
    stop.abort(new Error('gone'))
    await expect(leaving).rejects.toThrow('gone')
    await growing.append('all')
    growing.file.complete()
    expect(await staying).toBe('all')
  })
})
