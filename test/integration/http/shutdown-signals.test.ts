import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const WORKER = fileURLToPath(new URL('../../helpers/children/shutdown.child.ts', import.meta.url))
const LONG = 600_000

/** A worker that has begun to listen (see shutdown.child.ts). */
async function startWorker(drainMs: number, until: 'draining' | 'aborted' | 'never' | 'disposed') {
  const args = [WORKER, String(drainMs), until]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const heard = async () => (await lines.next()).value
  expect(await heard()).toBe('listening')
  const send = (name: NodeJS.Signals) => child.kill(name)
  return { send, heard, ended, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

const SOON = 'draining SHUTDOWN retryable'
const NOW = 'aborted SHUTDOWN retryable'

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'the first %s says soon; a worker that is done falls off its end with status 0, however long the drain',
  async (name) => {
    using worker = await startWorker(LONG, 'draining')
    worker.send(name)
    expect(await worker.heard()).toBe(SOON)
    expect(await worker.heard()).toBe(undefined)
    expect(await worker.ended).toEqual([0, null])
  },
)

test('after the drain it says now, with a reason that lets the job be tried again', async () => {
  using worker = await startWorker(50, 'aborted')
  worker.send('SIGTERM')
  expect(await worker.heard()).toBe(SOON)
  expect(await worker.heard()).toBe(NOW)
  expect(await worker.ended).toEqual([0, null])
})

test('a second signal aborts at once', async () => {
  using worker = await startWorker(LONG, 'aborted')
  worker.send('SIGTERM')
  expect(await worker.heard()).toBe(SOON)
  worker.send('SIGINT')
  expect(await worker.heard()).toBe(NOW)
  expect(await worker.ended).toEqual([0, null])
})

test('a third signal ends the process, and its status says so', async () => {
  using worker = await startWorker(LONG, 'never')
  worker.send('SIGTERM')
  expect(await worker.heard()).toBe(SOON)
  worker.send('SIGINT') // SIGTERM within a moment would be an echo of the first
  expect(await worker.heard()).toBe(NOW)
  worker.send('SIGHUP')
  expect(await worker.ended).toEqual([null, 'SIGHUP'])
})

test('disposed, it gives the signals their usual effect back', async () => {
  using worker = await startWorker(LONG, 'disposed')
  worker.send('SIGTERM')
  expect(await worker.ended).toEqual([null, 'SIGTERM'])
})
