import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { alive } from '../../helpers/fake-engines.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
/** Has the program take this Node for an older one. */
const OLDER = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.0.0'}})`
/** A worker that says its process id; with an argument it tells of SIGTERM and ends with 7. */
const WORKER = `
if (process.argv[2]) process.on('SIGTERM', () => process.exit(7))
setInterval(() => {}, 1000)
console.log(process.pid)
`

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'wrapper-'))
  await cp(join(ROOT, 'bin'), join(root, 'bin'), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  await mkdir(join(root, 'runtime'))
  await writeFile(join(root, 'package.json'), '{"type":"module"}')
  await writeFile(join(root, 'runtime/main.ts'), WORKER)
})
afterAll(() => rm(root, { recursive: true }))

async function startWrapper(...args: string[]) {
  const program = join(root, 'bin/musetalk-worker.mjs')
  const wrapper = spawn(process.execPath, ['--import', OLDER, program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(wrapper, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const { value } = await createInterface(wrapper.stdout)[Symbol.asyncIterator]().next()
  const worker = Number(value)
  expect(worker).not.toBe(wrapper.pid)
  return { wrapper, worker, ended }
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s before the worker listens to signals ends both by it, which is no success',
  async (name) => {
    const { wrapper, worker, ended } = await startWrapper()
    wrapper.kill(name)
    expect(await ended).toEqual([null, name])
    expect(alive(worker)).toBe(false)
  },
)

test('a worker that ends when it is told to gives the exit status', async () => {
  const { wrapper, ended } = await startWrapper('listen')
  wrapper.kill('SIGTERM')
  expect(await ended).toEqual([7, null])
})

test('a worker that is killed is told as that', async () => {
  const { worker, ended } = await startWrapper()
  process.kill(worker, 'SIGKILL')
  expect(await ended).toEqual([null, 'SIGKILL'])
})

test('a worker ends with a wrapper that is killed', async () => {
  const { wrapper, worker, ended } = await startWrapper('listen')
  wrapper.kill('SIGKILL')
  await ended
  await expect.poll(() => alive(worker)).toBe(false)
})
