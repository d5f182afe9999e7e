import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { folder } from '../../helpers/media/media.ts'

const page = await readFile(join(import.meta.dirname, '../../../docs/deploy/salad.md'), 'utf8')
const [, script] = /<<'SH' \/usr\/local\/bin\/start\n([^]*?)\nSH\n/.exec(page)!

/** A program that says `up`, and its name when it was told to stop. */
const program = (name: string) =>
  `#!/bin/sh\ntrap 'sleep 0.1; echo ${name}; exit' TERM\necho up\nwhile :; do sleep 0.02; done\n`

test("a stop reaches Salad's side-car when the worker has ended, and nobody before the script", async () => {
  // With -g tini would signal the whole group, and the side-car give up the request of the running job.
  expect(page).toContain('\nCMD ["tini", "-s", "--", "start"]\n')
  await using dir = await folder()
  for (const name of ['musetalk-worker', 'salad-http-job-queue-worker'])
    await writeFile(dir.file(name), program(name), { mode: 0o755 })
  await writeFile(dir.file('start'), script!.replace('sleep 2', 'sleep 0.02'))
  const env = { PATH: `${dir.path}:${process.env['PATH']}` }
  const child = spawn('sh', [dir.file('start')], {
    ...{ env, stdio: ['ignore', 'pipe', 'ignore'], detached: true },
  })
  onTestFinished(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {} // all of them have ended
  })
  const ended = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout }))
    if (lines.push(line) === 2) child.kill('SIGTERM')
  expect(lines).toEqual(['up', 'up', 'musetalk-worker', 'salad-http-job-queue-worker'])
  await ended
})
