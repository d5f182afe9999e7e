import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openScratch } from '../../../runtime/worker/scratch-directory.ts'

test('what dead workers left is removed; what others still use is not', async () => {
  const root = await mkdtemp(join(tmpdir(), 'scratch-'))
  const other = spawn('sleep', ['60'])
  const gone = spawn('true')
  await once(gone, 'exit')
  try {
    const folders = {
      dead: `${hostname()}-${gone.pid}`,
      alive: `${hostname()}-${other.pid}`,
      elsewhere: `another-host-${gone.pid}`,
      foreign: 'something-else',
    }
    for (const name of Object.values(folders)) {
      await mkdir(join(root, name))
      await writeFile(join(root, name, 'frames'), 'x')
    }
    const { alive, elsewhere, foreign } = folders
    const mine = `${hostname()}-${process.pid}`
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
