import type { Hono } from 'hono'
import type { Estimate } from '../../../handler/estimate.ts'
import { InputError } from '../../../handler/errors.ts'
import type { Callback } from '../../../handler/events/webhook-sender.ts'
import { createApp } from '../../../runtime/http/app.ts'
import type { Health, AppOptions } from '../../../runtime/http/app-options.ts'
import { UploadStore, type UploadLimits } from '../../../handler/inputs/upload-store.ts'
import { createMetrics } from '../../../runtime/worker/metrics.ts'
import type { JobQueueOptions } from '../../../runtime/jobs/job-record.ts'
import { compareWithDescription, describedBy } from './described-responses.ts'
import { heldJobs, parse } from '../jobs/controlled-jobs.ts'
import { silentLog } from '../../../handler/log.ts'

const UPLOAD_LIMITS: UploadLimits = {
  ...{ maxBytes: 1e6, maxTotalBytes: 5e6, maxCount: 10, ttlMs: 60_000, stallMs: 30_000 },
}

export const ESTIMATE: Estimate = {
  ...{ width: 640, height: 360, fps: 25, frames: 250, duration_sec: 10, expected_sec: 4.2 },
  faces: [{ frame: 0, box: [200, 80, 380, 300], confidence: 0.98 }],
  bundle: { name: 'pretended', version: '0', id: '0' },
}

/** The whole app over a held store; no socket, no models. */
export function heldApp(options: Partial<AppOptions> = {}, store: Partial<JobQueueOptions> = {}) {
  const metrics = createMetrics({
    version: '1.2.3',
    counts: () => held.jobs.counts(),
    engines: () => health.engines,
  })
  const held = heldJobs({ onEnd: (job) => metrics.jobFinished(job), ...store })
  const health: Health = {
    ...{ state: 'ready', version: '1.2.3', revision: null },
    bundle: { name: 'pretended', version: '0', id: '0' },
    engines: [{ index: 0, state: 'ready', device: 'cpu', jobs: 0, restarts: 0, rss_mb: 100 }],
  }
  const called: Callback[] = []
  const all: AppOptions = {
    ...{ jobs: held.jobs, parse, health: () => health, metrics, workerId: 'w1', gpuClass: 'none' },
    estimate: async () => ESTIMATE,
    uploads: new UploadStore('/nowhere', UPLOAD_LIMITS),
    maxBodyBytes: 16e6,
    webhooks: {
      call(ended) {
        const add = async () => called.push(await ended)
        void add()
      },
    },
    assertPublicUrl: async (url) => {
      if (url.includes('internal')) throw new InputError('BLOCKED_URL', 'the address is inside')
    },
    log: silentLog,
    ...options,
  }
  const app = createApp(all)
  held.jobs.open()
  return { ...held, app, health, called, ...clientOf(app) }
}

/** Every app describes itself alike; this one to whoever asks. */
const comparison = once(async () =>
  compareWithDescription(await describedBy(heldApp({ files: '/nowhere' }).app)),
)

function once<T>(run: () => T): () => T {
  const results: T[] = []
  return () => (results[0] ??= run())
}

/** Requests as a client sends them; the answer is read, and compared with its description. */
function clientOf(app: Hono) {
  const ask = async (method: string, path: string, body?: unknown, init: RequestInit = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const headers = { 'content-type': 'application/json', ...(init.headers as object) }
    const response = await app.request(`http://worker.test${path}`, {
      ...{ method, ...init, headers },
      ...(body !== undefined && { body: text }),
    })
    const answer = await response.text()
    const type = response.headers.get('content-type')
    /** Tests look into answers of every form. */
    const read = type?.includes('json') ? JSON.parse(answer) : answer
    const { status } = response
    const difference = (await comparison())(method, path, { status, type, body: read })
    if (difference !== undefined) throw new Error(difference)
    return { status, headers: response.headers, body: read }
  }
  return {
    get: (path: string, init?: RequestInit) => ask('GET', path, undefined, init),
    post: (path: string, body?: unknown, init?: RequestInit) => ask('POST', path, body, init),
    del: (path: string) => ask('DELETE', path),
  }
}
