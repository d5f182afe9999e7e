import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openRecords } from '../../../runtime/sources/durable-records.ts'

test('a record that cannot be put leaves nothing behind', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'records-'))
  const records = await openRecords(dir, (json) => json)
  await records.put('a', 1)
  const [name] = await readdir(dir)
  await rm(join(dir, name!))
  await mkdir(join(dir, name!))
  await expect(records.put('a', 2)).rejects.toThrow('EISDIR')
  expect(await readdir(dir)).toEqual([name])
  await rm(dir, { recursive: true })
})
