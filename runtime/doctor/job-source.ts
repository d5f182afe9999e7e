import { hostname } from 'node:os'
import { createTrustedFetch, type GuardedFetch } from '../../handler/net/guarded-fetch.ts'
import { NetworkError } from '../../handler/net/network-error.ts'
import type { Config } from '../config/config.ts'
import { proxyOf } from '../config/proxies.ts'
import { readBuildInfo, configuredWorkerId } from '../config/identity.ts'
import { resolveJobSource, type JobSourceConfig } from '../config/job-source.ts'
import { createOrchestratorClient } from '../sources/orchestrator/client.ts'
import { bufferSource } from '../sources/orchestrator/buffer-source.ts'
import { orchestrator, type WorkerInfo } from '../sources/orchestrator/source.ts'
import { readMachineInfo, systemInfoOf } from '../sources/system-info.ts'
import { checkRedis } from './redis-source.ts'
import { fail, ok, warn, type CheckResult } from './check-result.ts'
import { silentLog } from '../../handler/log.ts'

const ANSWER_MS = 10_000
const GIVERS = {
  push: 'jobs come over HTTP',
  orchestrator: 'jobs are claimed from an orchestrator',
  buffer: 'jobs are claimed from a buffer',
  runpod: 'jobs come by RunPod’s queue',
  bullmq: 'jobs come by a BullMQ queue',
}

/** Whether the environment says clearly who gives the jobs. */
export function checkMode(config: Config): CheckResult[] {
  try {
    const { source } = resolveJobSource(config)
    return [ok('environment', `valid; ${GIVERS[source]}, results go to ${config.STORAGE} storage`)]
  } catch (error) {
    return [fail('environment', (error as Error).message, 'correct these variables')]
  }
}

/**
 * Whether who gives the jobs can be reached and takes the key, by a heartbeat. It comes from a worker
 * of another name that is not ready: one of the real name would tell of a running worker that it idles.
 */
export async function checkSource(config: Config, signal: AbortSignal): Promise<CheckResult[]> {
  const mode = modeOrNothing(config)
  if (!mode) return []
  const fetch = createTrustedFetch(proxyOf(config))
  if (mode.source === 'push') return [ok('source', 'none is asked: jobs come over HTTP')]
  if (mode.source === 'runpod') return [await checkQueue(mode.take, fetch, signal)]
  if (mode.source === 'bullmq') return [await checkRedis(config, signal)]
  const { source, baseUrl, key } = mode
  const variable =
    source === 'buffer' && config.BUFFER_ORCHESTRATOR_BASE_URL !== undefined
      ? 'BUFFER_ORCHESTRATOR_BASE_URL'
      : 'ORCHESTRATOR_BASE_URL'
  const about = await readBuildInfo(config.GIT_REVISION)
  const system = systemInfoOf(await readMachineInfo(config.SCRATCH_DIR), 0)
  const info: WorkerInfo = {
    ...{ workerId: `doctor-${hostname()}`, gpuClass: config.GPU_CLASS_NAME },
    ...{ configLabel: config.CONFIG_LABEL, batchSize: null },
    ...{ about: () => ({ ...about, bundle: null }), system: () => system },
  }
  const api = createOrchestratorClient(fetch, baseUrl, key)
  const log = silentLog // it reports nothing
  const { heartbeatRequest } =
    source === 'buffer'
      ? bufferSource({
          ...{ api, info, log, progressApi: api, pollMs: 0 },
          capacity: config.BUFFER_CAPACITY,
        })
      : orchestrator({
          ...{ api, info, log, pollMs: 0 },
          ...{ workerType: config.WORKER_TYPE, provider: config.PROVIDER },
        })
  const { url, ...request } = heartbeatRequest({
    held: [],
    ready: false,
    broken: 'only its doctor',
  })!
  const answer = await statusOf(fetch, url, request, signal)
  const id = mode.workerId ?? configuredWorkerId(config) ?? 'a name kept in STATE_DIR'
  return [judge(source, new URL(baseUrl).host, variable, answer, id)]
}

function modeOrNothing(config: Config): JobSourceConfig | undefined {
  try {
    return resolveJobSource(config)
  } catch {
    return undefined // told by the environment's check
  }
}

/** @returns the status, or why there was none */
async function statusOf(
  fetch: GuardedFetch,
  url: string,
  request: object,
  outer: AbortSignal,
): Promise<number | string> {
  const late = AbortSignal.timeout(ANSWER_MS)
  try {
    const answer = await fetch(url, { ...request, signal: AbortSignal.any([outer, late]) })
    await answer.discard()
    return answer.status
  } catch (error) {
    if (late.aborted) return `did not answer within ${ANSWER_MS / 1000} s`
    if (error instanceof NetworkError) return error.message
    throw error
  }
}

function judge(
  source: 'orchestrator' | 'buffer',
  host: string,
  variable: string,
  answer: number | string,
  id: string,
): CheckResult {
  const it = `the ${source} at ${host}`
  if (typeof answer === 'string') {
    return fail(source, `${it} ${answer}`, `check ${variable}, name service and firewall`)
  }
  if (answer < 300) return ok(source, `${it} takes heartbeats and the key; this worker is ${id}`)
  if (answer === 401 || answer === 403) {
    const todo = `set INTERNAL_API_KEY to the ${source}’s key`
    return fail(source, `${it} refuses the key (status ${answer})`, todo)
  }
  if (answer === 404 || answer === 405 || answer === 410) {
    const todo = `${variable} must be the part of the address before /internal`
    return fail(source, `${it} has no such heartbeat (status ${answer})`, todo)
  }
  if (answer >= 500 || answer === 408 || answer === 429) {
    const todo = 'the worker goes on asking; look at that server'
    return warn(source, `${it} is in trouble (status ${answer})`, todo)
  }
  return fail(source, `${it} refuses the heartbeat (status ${answer})`, 'look at its log')
}

/** RunPod's queue knows no request that tests the key and takes no job. */
async function checkQueue(
  address: string,
  fetch: GuardedFetch,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (!URL.canParse(address)) {
    const todo = 'it is set by RunPod; do not set it yourself'
    return fail('runpod', 'RUNPOD_WEBHOOK_GET_JOB is no address', todo)
  }
  const { origin, host } = new URL(address)
  const answer = await statusOf(fetch, origin, {}, signal)
  return typeof answer === 'string'
    ? fail('runpod', `the queue at ${host} ${answer}`, 'check name service and firewall')
    : ok('runpod', `the queue at ${host} answers; its key is tested by the first job only`)
}
