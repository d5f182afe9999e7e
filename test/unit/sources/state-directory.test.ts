import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { warnUndeliveredResults } from '../../../runtime/sources/startup-warnings.ts'
import { lockStateDir } from '../../../runtime/sources/state-directory.ts'
import { startZombie } from '../../helpers/zombie.ts'
import { collectLog } from '../../helpers/collected-log.ts'

let root: string
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'place-'))))
afterEach(() => rm(root, { recursive: true }))

test('one id has one claimer at a time', async () => {
  {
    await using place = await lockStateDir(root, 'orchestrator', 'C.38250')
    expect(place.workerId).toBe('C.38250')
    await expect(lockStateDir(root, 'orchestrator', 'C.38250')).rejects.toThrow(
      `process ${process.pid} already claims jobs as "C.38250"`,
    )
    await using other = await lockStateDir(root, 'buffer', 'C.38250')
    expect(other.dir).not.toBe(place.dir)
  }
  await using again = await lockStateDir(root, 'orchestrator', 'C.38250')
  expect(again.workerId).toBe('C.38250')
})

test('the place of a process that was killed is taken over, even if its number is used again', async () => {
  const gone = spawn('true')
  await once(gone, 'exit')
  const other = spawn('sleep', ['60'])
  await using zombie = await startZombie()
  const stat = await readFile(`/proc/${zombie.pid}/stat`, 'utf8')
  const buried = `${zombie.pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  try {
    for (const mark of [buried, `${gone.pid} 123`, `${other.pid} 123`, '', `${process.pid} 1`]) {
      await using first = await lockStateDir(root, 'orchestrator', 'w')
      await writeFile(join(first.dir, 'lock'), mark)
      await using second = await lockStateDir(root, 'orchestrator', 'w')
      expect(second.dir).toBe(first.dir)
      expect(await readFile(join(second.dir, 'lock'), 'utf8')).toMatch(`${process.pid} `)
    }
  } finally {
    other.kill()
  }
})

test('a worker without an id gets one, keeps it, and shares it with nobody who lives', async () => {
  const names: string[] = []
  for (let life = 0; life < 2; life++) {
    await using one = await lockStateDir(root, 'orchestrator', undefined)
    await using two = await lockStateDir(root, 'orchestrator', undefined)
    expect(two.workerId).not.toBe(one.workerId)
    names.push(...[one.workerId, two.workerId].toSorted())
  }
  expect(names.slice(2)).toEqual(names.slice(0, 2))
})

test('an id names no folder outside', async () => {
  await using place = await lockStateDir(root, 'orchestrator', '../../etc')
  expect(place.dir.startsWith(join(root, 'orchestrator/'))).toBe(true)
  expect(place.workerId).toBe('../../etc')
})

test('a state folder that cannot be used is told by the name of its variable', async () => {
  const file = join(root, 'file')
  await writeFile(file, '')
  await expect(lockStateDir(file, 'orchestrator', 'w')).rejects.toThrow(
    'cannot be used (ENOTDIR); set STATE_DIR to a folder that can be written',
  )
})

test('outcomes that wait under another name or source are told to the log, a live worker’s are not', async () => {
  const put = async (dir: string) => {
    await mkdir(join(dir, 'outbox'))
    for (const name of ['a.json', 'b.json', 'c.draft'])
      await writeFile(join(dir, 'outbox', name), '')
  }
  let gone = ''
  {
    await using old = await lockStateDir(root, 'buffer', 'w')
    await put((gone = old.dir))
  }
  await using other = await lockStateDir(root, 'orchestrator', 'other')
  await using own = await lockStateDir(root, 'orchestrator', 'w')
  for (const { dir } of [other, own]) await put(dir)
  const { log, logged } = collectLog()
  await warnUndeliveredResults(root, own.dir, log)
  const fields = { dir: gone, outcomes: 2 }
  expect(logged).toEqual([{ level: 'warn', event: 'outbox.undelivered', fields }])
})
