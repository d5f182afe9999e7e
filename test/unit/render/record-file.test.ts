import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RecordFile } from '../../../handler/render/avatar/record-file.ts'

let dir: string
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), 'musetalk-test-'))))
afterAll(() => rm(dir, { recursive: true }))

const record = (value: number) => new Uint8Array(3).fill(value)

describe('records of one size in a file', () => {
  test('are read by number, in any order', async () => {
    await using records = await RecordFile.create(join(dir, 'a'), 3)
    for (const value of [7, 8, 9]) await records.append(record(value))
    expect(records.count).toBe(3)
    expect([...(await records.read(2, 1))]).toEqual([9, 9, 9])
    expect([...(await records.read(0, 2))]).toEqual([7, 7, 7, 8, 8, 8])
  })
  test('may be appended several at once', async () => {
    await using records = await RecordFile.create(join(dir, 'b'), 3)
    await records.append(Uint8Array.of(1, 1, 1, 2, 2, 2))
    expect(records.count).toBe(2)
    expect([...(await records.read(1, 1))]).toEqual([2, 2, 2])
  })
  test('are in the file once they were flushed, wherever others were left out', async () => {
    await using records = await RecordFile.create(join(dir, 'e'), 3)
    await records.append(record(1))
    await records.skip(2)
    await records.append(record(4))
    await records.append(record(5))
    await records.flush()
    expect([...(await readFile(join(dir, 'e')))].join('')).toBe('111000000444555')
    await using again = await RecordFile.open(join(dir, 'e'), 3)
    expect([...(await again.read(3, 2))]).toEqual([4, 4, 4, 5, 5, 5])
  })
  test('are read while more of them are written', async () => {
    await using records = await RecordFile.create(join(dir, 'f'), 300_000)
    const large = (value: number) => new Uint8Array(300_000).fill(value)
    const written = [1, 2, 3, 4, 5].map((value) => records.append(large(value)))
    const firsts = await Promise.all([0, 1, 2, 3, 4].map((i) => records.read(i, 1)))
    expect(firsts.map((data) => data[299_999])).toEqual([1, 2, 3, 4, 5])
    await Promise.all(written)
  })
  test('end where they end', async () => {
    await using records = await RecordFile.create(join(dir, 'c'), 3)
    await records.append(record(5))
    expect((await records.read(0, 10)).length).toBe(3)
    expect((await records.read(4, 2)).length).toBe(0)
  })
  test('are refused in part', async () => {
    await using records = await RecordFile.create(join(dir, 'd'), 3)
    await expect(records.append(new Uint8Array(4))).rejects.toThrow(RangeError)
    expect(records.count).toBe(0)
  })
})
