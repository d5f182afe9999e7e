import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { JobResult } from '../../../handler/events/job-events.ts'
import type { RenderPool } from '../../../runtime/engine/pool.ts'
import { openClient } from '../../../runtime/sources/runpod/client.ts'
import { runpodQueue, type RunpodOptions } from '../../../runtime/sources/runpod/source.ts'
import type { CompletedLease } from '../../../runtime/sources/job-source.ts'
import { urlsOf } from '../../../runtime/sources/runpod/url-templates.ts'
import { traceOf, type Line, type Trace } from '../../conformance/trace.ts'
import { pretendedEngine, pushServer } from '../servers/worker-server.ts'
import type { Platform } from './platform.ts'
import type { Channel, Exchange } from './request-log.ts'
import { collectLog } from '../collected-log.ts'

/** A whole worker in this process that takes jobs from the platform, with a pretended engine. */
export function runpodWorker(
  platform: Platform,
  env: Record<string, string> = {},
  own: Parameters<typeof pushServer>[1] = {},
) {
  const base = { ...platform.env(), RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: 'true' }
  return pushServer({ ...base, ...env }, own)
}

/** Several engines, so that several jobs are taken at a time. */
export function severalEngines(count: number): RenderPool {
  const one = pretendedEngine()
  const status = () => Array.from({ length: count }, () => one.status()[0]!)
  return { ...one, status }
}

/** The source alone, for what a whole worker would take too long to show. */
export function queueOf(platform: Platform, options: Partial<RunpodOptions> = {}) {
  const env = platform.env()
  const { log, logged } = collectLog()
  const client = openClient({ key: env['RUNPOD_AI_API_KEY'], agent: 'musetalk-worker/1.2.3' })
  const urls = urlsOf(
    {
      take: env['RUNPOD_WEBHOOK_GET_JOB']!,
      done: env['RUNPOD_WEBHOOK_POST_OUTPUT']!,
      ping: env['RUNPOD_WEBHOOK_PING'],
    },
    { workerId: 'w1', gpuType: '' },
  )
  const source = runpodQueue({
    ...{ client, urls, worker: { id: 'w1', version: '1.2.3' }, everyMs: 1_000, refresh: false },
    terminate: () => {},
    unfit: () => {},
    log,
    ...options,
  })
  return { source, client, urls, logged, [Symbol.dispose]: () => client[Symbol.dispose]() }
}

/** The last words about jobs, in the order in which they came. */
export const finals = ({ recorder }: Platform): Exchange[] =>
  recorder.of('done').filter(({ body }) => !body.includes('IN_PROGRESS'))

/** What the platform got as the last word about a job, once it is there. */
export async function outcome({ recorder, outcomes }: Platform, id: string) {
  await recorder.until(() => outcomes.has(id), `the outcome of ${id}`)
  return outcomes.get(id) as { output?: Record<string, unknown>; error?: string; stopPod?: true }
}

/** What RunPod's own SDK said in a scenario. */
export const sdkTrace = (name: string): Trace & { scenario: number } =>
  JSON.parse(
    readFileSync(
      fileURLToPath(new URL(`../../conformance/traces/${name}.json`, import.meta.url)),
      'utf8',
    ),
  ) as Trace & { scenario: number }

/** What was said to the platform, in the form of the SDK's traces. */
export const said = ({ recorder }: Platform, ...keep: Channel[]): Trace =>
  traceOf(recorder.exchanges, keep, /(?<=runpod_version=)musetalk-worker%2F[\w.]+/)

/** The SDK gives its polls a content type, though they have no content. */
export const withoutContentType = (lines: Line[] = []) =>
  lines.map(({ request, headers: { 'content-type': _, ...headers } }) => ({ request, headers }))

export type { JobOutput as Word } from '../../../runtime/sources/runpod/payloads.ts'

/** A job that went well, as it waits to be told. */
export function succeeded(id: string, metadata: Record<string, unknown> = {}): CompletedLease {
  const result: JobResult = {
    status: 'succeeded',
    ...{ job_id: id, output_url: 'https://example.com/a.mp4', key: 'a.mp4' },
    ...{ bytes: 1, sha256: '0', width: 2, height: 2, duration_sec: 1, fps: 25, frames: 25 },
    ...{ frames_without_face: 0, bundle: { name: 'lite', version: '1', id: '0' } },
    stage_times: {
      ...{ download: 0, probe: 0, speech: 0, avatar: 0, generate: 0 },
      ...{ composite: 0, encode: 0, upload: 0 },
    },
    ...{ total_time: 0, realtime_factor: 0, peak_memory_mb: 0, metadata, deduplicated: false },
  }
  return { held: { id }, outcome: { status: 'succeeded', result }, at: new Date().toISOString() }
}
