import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startZombie } from '../../helpers/zombie.ts'
import { openScratch } from '../../../runtime/worker/scratch-directory.ts'

const folderOf = async (pid: number, began?: string) => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return `${hostname()}-${pid}-${began ?? stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
}

test('what dead workers left is removed; what others still use is not', async () => {
  const root = await mkdtemp(join(tmpdir(), 'scratch-'))
  const other = spawn('sleep', ['60'])
  const gone = spawn('true')
  await once(gone, 'exit')
  await using dead = await startZombie()
  const zombie = dead.pid
  try {
    const folders = {
      dead: await folderOf(gone.pid!, '1'),
      alive: await folderOf(other.pid!),
      reused: `${hostname()}-${other.pid}-1`, // the id is another process's now
      zombie: await folderOf(zombie),
      former: `${hostname()}-${gone.pid}`,
      elsewhere: `another-host-${gone.pid}`,
      foreign: 'something-else',
    }
    for (const name of Object.values(folders)) {
      await mkdir(join(root, name))
      await writeFile(join(root, name, 'frames'), 'x')
    }
    const { alive, elsewhere, foreign } = folders
    const mine = await folderOf(process.pid)
    {
      await using scratch = await openScratch(root)
      expect(scratch.dir).toBe(join(root, mine))
      expect((await readdir(root)).toSorted()).toEqual([alive, elsewhere, foreign, mine].toSorted())
    }
    expect((await readdir(root)).toSorted()).toEqual([alive, elsewhere, foreign].toSorted())
  } finally {
    other.kill()
    await rm(root, { recursive: true })
  }
})
