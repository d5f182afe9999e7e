import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobDependencies } from '../../../handler/job-context.ts'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { createLog, silentLog, type Log } from '../../../handler/log.ts'
import { STAGES } from '../../../handler/render/render-context.ts'
import type { Render } from '../../../handler/render/render-task.ts'
import { syncSignature } from '../../../runtime/http/sync-so/routes.ts'
import { createWebhookSender } from '../../../handler/events/webhook-sender.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import type { RenderPool } from '../../../runtime/engine/pool.ts'
import { limitsOf } from '../../../runtime/config/limits.ts'
import type { Shutdown } from '../../../runtime/shutdown.ts'
import { resolveJobSource } from '../../../runtime/config/job-source.ts'
import { runWorker, type WorkerDependencies } from '../../../runtime/worker/run-worker.ts'
import { heldStop } from '../jobs/controlled-jobs.ts'
import { collectLog } from '../collected-log.ts'

/** The `crf` of a job whose render ends only when it is stopped. */
export const ENDLESS = 35
/** What every other render makes. */
export const VIDEO = Buffer.from('0123456789'.repeat(100))

/** Nobody looks into it; large enough to tell the speed of the line by. */
const MEDIA = Buffer.alloc(300_000)

const BUNDLE = { name: 'pretended', version: '0', id: '0' }

/** One engine that writes a few bytes instead of a video, one render at a time. */
export function pretendedEngine(renders: string[] = []): RenderPool {
  let last: Promise<unknown> = Promise.resolve()
  let busy = false
  const once: Render = async (task, { signal, onProgress, onStage }) => {
    busy = true
    try {
      renders.push(task.output)
      onProgress(1, 2)
      if (task.options.crf === ENDLESS) {
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          if (signal.aborted) reject(signal.reason)
        })
      }
      await writeFile(task.output, VIDEO)
      onProgress(2, 2)
      for (const stage of STAGES) onStage?.(stage, 0)
    } finally {
      busy = false
    }
    return {
      ...{ width: 2, height: 2, fps: 25, frames: 2, duration_sec: 0.08, frames_without_face: 0 },
      ...{ bundle: BUNDLE, encoder: 'none', peak_memory_mb: 0 },
      stage_times: { probe: 0, speech: 0, avatar: 0, generate: 0, composite: 0, encode: 0 },
    }
  }
  return {
    render(task, call) {
      const mine = last.then(() => once(task, call))
      last = mine.catch(() => {})
      return mine
    },
    estimate: async () => ({
      ...{ width: 2, height: 2, fps: 25, frames: 2, duration_sec: 0.08, bundle: BUNDLE },
      faces: [{ frame: 0, box: [0, 0, 2, 2], confidence: 0.9 }],
    }),
    status: () => [
      {
        index: 0,
        state: busy ? 'busy' : 'ready',
        device: 'cpu',
        bundle: BUNDLE,
        jobs: 0,
        restarts: 0,
      },
    ],
    room: () => 1,
    ready: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
}

/**
 * All of `serve` between the signal and the render: real HTTP, real `handle()`, a pretended engine.
 * @param told called with the port once it listens
 */
export async function pretendedServe(
  env: Record<string, string>,
  stop: Shutdown,
  engines: RenderPool,
  told: (port: number) => void,
  log: Log = silentLog,
  parts: Pick<WorkerDependencies, 'pull' | 'storage'> = {},
): Promise<void> {
  const config = readConfig({ PORT: '0', STORAGE: 'directory', ...env })
  const fetch = createGuardedFetch({ isBlocked: () => false })
  const callbackHeaders = { 'sync.so': syncSignature(config.WEBHOOK_SECRET) }
  const deps: Omit<JobDependencies, 'storage' | 'log'> = {
    ...{ render: engines.render, fetch, webhooks: createWebhookSender({ fetch, callbackHeaders }) },
    ...{ limits: limitsOf(config), scratch: config.SCRATCH_DIR, allowFileInputs: true },
  }
  const about = { version: '1.2.3', revision: null }
  await runWorker(stop, {
    ...{ config, engines, deps, about, mode: resolveJobSource(config), ...parts },
    log: createLog((level, event, fields) => {
      if (event === 'worker.listening') told(Number(fields['port']))
      log[level](event, fields)
    }),
  })
}

/** The same in this process, in a folder of its own. */
export async function pushServer(
  env: Record<string, string> = {},
  {
    engines,
    ...parts
  }: { engines?: RenderPool } & Pick<WorkerDependencies, 'pull' | 'storage'> = {},
) {
  const dir = await mkdtemp(join(tmpdir(), 'push-'))
  const media = createServer((_, response) => response.end(MEDIA)).listen(0, '127.0.0.1')
  await once(media, 'listening')
  const input = `http://127.0.0.1:${(media.address() as AddressInfo).port}/media`
  const stopping = heldStop()
  const renders: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const where = {
    OUTPUT_DIR: join(dir, 'out'),
    SCRATCH_DIR: join(dir, 'scratch'),
    CACHE_DIR: join(dir, 'cache'),
    STATE_DIR: join(dir, 'state'),
  }
  const { log, logged } = collectLog()
  const stopped = pretendedServe(
    { ...where, HOST: '127.0.0.1', ...env },
    stopping.stop,
    engines ?? pretendedEngine(renders),
    resolve,
    log,
    parts,
  )
  stopped.catch(reject)
  const port = await promise
  return {
    url: `http://127.0.0.1:${port}`,
    /** A job that is done in a moment. */
    job: { video_url: input, audio_url: input },
    endless: { video_url: input, audio_url: input, output: { crf: ENDLESS } },
    /** Of each input. */
    mediaBytes: MEDIA.length,
    renders,
    logged,
    stopping,
    stopped,
    scratch: where.SCRATCH_DIR,
    results: where.OUTPUT_DIR,
    async [Symbol.asyncDispose]() {
      stopping.soon()
      stopping.now()
      await stopped
      media.close()
      media.closeAllConnections()
      await rm(dir, { recursive: true })
    },
  }
}
