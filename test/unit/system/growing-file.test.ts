import { appendFile, rm, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGrowingFile, type GrowingFileOwner } from '../../../handler/system/growing-file.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'

const never = new AbortController().signal
let dir: Folder
let file: GrowingFileOwner
beforeEach(async () => {
  dir = await folder()
  file = createGrowingFile(dir.file('video.mp4'))
})
afterEach(() => dir[Symbol.asyncDispose]())

/** What the file's writer does, and its owner tells. */
async function write(text: string) {
  await appendFile(file.path, text)
  file.grown()
}

async function rest(reader: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of reader) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const next = async (reader: AsyncGenerator<Uint8Array>) =>
  Buffer.from((await reader.next()).value as Uint8Array).toString()

describe('a growing file', () => {
  test('is read from its first byte, whenever a reader comes, until it is complete', async () => {
    const early = file.read(never)
    const first = next(early)
    await write('one ')
    expect(await first).toBe('one ')
    await write('two ')
    const late = file.read(never)
    expect(await next(late)).toBe('one two ')
    const rests = [rest(early), rest(late)]
    await write('three')
    file.complete()
    expect(await Promise.all(rests)).toEqual(['two three', 'three'])
  })

  test('is handed out in small pieces, each with memory of its own', async () => {
    const bytes = Buffer.alloc(200_000, 'abcdefg')
    await writeFile(file.path, bytes)
    file.complete()
    const chunks: Uint8Array[] = []
    for await (const chunk of file.read(never)) chunks.push(chunk)
    expect(Math.max(...chunks.map((chunk) => chunk.byteLength))).toBeLessThanOrEqual(65_536)
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
  })

  test('is read to its end by who has begun, though it is removed', async () => {
    await write('begun, ')
    const reader = file.read(never)
    expect(await next(reader)).toBe('begun, ')
    await write('and ended')
    file.complete()
    await rm(file.path)
    expect(await rest(reader)).toBe('and ended')
    await expect(rest(file.read(never))).rejects.toThrow('removed before it was read')
  })

  test('never ends well for its readers when it has failed, whatever comes after', async () => {
    await write('half')
    const reader = file.read(never)
    expect(await next(reader)).toBe('half')
    const waiting = rest(reader)
    file.fail(new Error('the job was canceled'))
    file.complete()
    await expect(waiting).rejects.toThrow('the job was canceled')
    await expect(rest(file.read(never))).rejects.toThrow('the job was canceled')
  })

  test('is left by a reader that is aborted, and by no other', async () => {
    const stop = new AbortController()
    const [leaving, staying] = [rest(file.read(stop.signal)), rest(file.read(never))]
    stop.abort(new Error('gone'))
    await expect(leaving).rejects.toThrow('gone')
    await write('all')
    file.complete()
    expect(await staying).toBe('all')
  })
})
