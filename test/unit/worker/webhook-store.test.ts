import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PendingWebhook } from '../../../handler/events/webhook-sender.ts'
import { silentLog } from '../../../handler/log.ts'
import { processIdentity } from '../../../models/system/process-alive.ts'
import { openWebhookStore } from '../../../runtime/worker/webhook-store.ts'
import { collectLog } from '../../helpers/collected-log.ts'

let root: string
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'webhooks-'))))
afterEach(() => rm(root, { recursive: true }))

const pending = (id: string): PendingWebhook => ({
  ...{ id, url: 'https://a.test/hook', type: 'job.succeeded', seq: 3, job: 'j', body: '{}' },
})
const folders = () => readdir(join(root, 'webhooks'))

/** As if the process that has written them were another one, which may be dead. */
async function leave(owner: string, ...ids: string[]) {
  const { store, ...open } = await openWebhookStore(root, silentLog)
  for (const id of ids) await store!.put(pending(id))
  const [own] = await folders()
  await rename(join(root, 'webhooks', own!), join(root, 'webhooks', owner))
  await open[Symbol.asyncDispose]()
}

test('what a dead process has left is the next one’s, of several too', async () => {
  await leave('999999999-1', 'a', 'b')
  await leave('999999998-1.taken-over-by-one-that-died', 'c')
  const { left, store, ...open } = await openWebhookStore(root, silentLog)
  expect(left.map(({ id }) => id).toSorted()).toEqual(['a', 'b', 'c'])
  expect(await folders()).toHaveLength(1)
  for (const { id } of left) await store!.remove(id)
  await open[Symbol.asyncDispose]()
  expect(await folders()).toEqual([])
})

test('what a living process has on its way is its own', async () => {
  const other = spawn('sleep', ['60'])
  try {
    await leave((await processIdentity(other.pid!)).replace(' ', '-'), 'a')
    await using open = await openWebhookStore(root, silentLog)
    expect(open.left).toEqual([])
  } finally {
    other.kill()
  }
})

test('what is not sent at the end of a process stays', async () => {
  {
    await using open = await openWebhookStore(root, silentLog)
    await open.store!.put(pending('a'))
  }
  await mkdir(join(root, 'webhooks'), { recursive: true })
  expect(await folders()).toHaveLength(1)
})

test('a folder that cannot be written is told, and the worker works without', async () => {
  await writeFile(join(root, 'file'), '')
  const { log, logged } = collectLog()
  await using open = await openWebhookStore(join(root, 'file'), log)
  expect(open.store).toBeUndefined()
  expect(logged).toMatchObject([{ level: 'warn', event: 'webhook.unsafe' }])
})
