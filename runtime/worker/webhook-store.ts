import { randomUUID } from 'node:crypto'
import { readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { PendingWebhook, WebhookStore } from '../../handler/events/webhook-sender.ts'
import type { Log } from '../../handler/log.ts'
import { processIdentity } from '../../models/system/process-alive.ts'
import { openRecords, type DurableRecords } from '../sources/durable-records.ts'

export interface OpenWebhookStore extends AsyncDisposable {
  /** Absent where nothing can be kept. */
  store?: WebhookStore
  /** What dead processes had not sent; it is this one's to send now. */
  left: PendingWebhook[]
}

const text = v.string()
const Pending = v.object({
  id: text,
  url: text,
  type: text,
  seq: v.optional(v.number()),
  job: text,
  body: text,
  traceparent: v.optional(text),
})
const parse = (json: unknown) => (v.is(Pending, json) ? json : undefined)

/**
 * This process's own folder of final webhooks and callbacks on their way. A worker that cannot write there works all
 * the same: what it cannot send before it ends is lost then.
 *
 * @param root STATE_DIR, which several workers may share
 */
export async function openWebhookStore(root: string, log: Log): Promise<OpenWebhookStore> {
  const parent = join(root, 'webhooks')
  const unsafe = (error: Error) => log.warn('webhook.unsafe', { reason: error.message })
  try {
    const own = join(parent, await ownerName(process.pid))
    const records = await openRecords(own, parse)
    await adoptLeft(parent, records)
    return {
      store: {
        put: (pending) => records.put(pending.id, pending).catch(unsafe),
        remove: (id) => records.remove(id).catch(unsafe),
      },
      left: await records.all(),
      [Symbol.asyncDispose]: () => rmdir(own).catch(() => {}), // not empty: for a next life
    }
  } catch (error) {
    unsafe(error as Error)
    return { left: [], [Symbol.asyncDispose]: async () => {} }
  }
}

const ownerName = async (pid: number) => (await processIdentity(pid)).replace(' ', '-')

/** Take over what dead processes have left. Who renames such a folder has it alone. */
async function adoptLeft(parent: string, own: DurableRecords<PendingWebhook>): Promise<void> {
  for (const name of await readdir(parent)) {
    const [owner = ''] = name.split('.')
    if (owner === (await ownerName(Number.parseInt(owner, 10)))) continue
    const taken = join(parent, `${owner}.${randomUUID()}`)
    const isOurs = await rename(join(parent, name), taken).then(
      () => true,
      () => false,
    )
    if (!isOurs) continue
    const left = await openRecords(taken, parse)
    for (const pending of await left.all()) await own.put(pending.id, pending)
    await rm(taken, { recursive: true, force: true })
  }
}
