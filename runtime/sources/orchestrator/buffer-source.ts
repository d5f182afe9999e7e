import type { Log } from '../../../handler/log.ts'
import type { OrchestratorClient } from './client.ts'
import {
  CLAIM_LIMITS,
  heartbeatBody,
  parseClaim,
  createGracefulSignal,
  reportTag,
  type WorkerInfo,
} from './source.ts'
import { outcomeBody, createResultDelivery, reportProgress } from './reports.ts'
import type { Source } from '../job-source.ts'

const MAX_INTERVAL_MS = 10_000

export interface BufferOptions {
  /** The buffer's, and the orchestrator's that hears of progress; often the same. */
  api: OrchestratorClient
  progressApi: OrchestratorClient
  info: WorkerInfo
  /** Jobs at a time, as it is told. */
  capacity: number
  pollMs: number
  log: Log
}

/** The desk machines' buffer of docs/legacy-worker.md. Its heartbeats go on while a job runs. */
export function bufferSource(options: BufferOptions): Source {
  const { api, progressApi, info, capacity, pollMs, log } = options
  const { workerId, gpuClass } = info
  const tag = reportTag(info)
  const graceful = createGracefulSignal()
  let isHealthy = false
  const deliver = createResultDelivery(api, () => isHealthy, log)
  return {
    ...{ name: 'buffer', workerId, pollMs, reportsInterrupted: true },
    heartbeat: { everyMs: Math.min(pollMs, MAX_INTERVAL_MS), timeoutMs: 5_000 },
    async claim(_capacity, _held, signal) {
      const ask = { worker_id: workerId, ...info.about() }
      return parseClaim(
        await api.post('/internal/buffer/jobs/claim', ask, CLAIM_LIMITS, graceful(signal)),
      )
    },
    progress: (held, event, signal) => reportProgress(progressApi, held, event, tag, signal),
    deliver: (completion, signal) => {
      const { id, ref } = completion.held
      const path = `/internal/buffer/jobs/${encodeURIComponent(ref ?? id)}/status`
      const body = { metrics: null, output_url: null, ...outcomeBody(completion, gpuClass), ...tag }
      return deliver(id, path, body, graceful(signal))
    },
    heartbeatRequest(status) {
      const path = `/internal/buffer/workers/${encodeURIComponent(workerId)}/heartbeat`
      const body = { ...heartbeatBody(status, info), capacity }
      return { method: 'POST', ...api.request(path, body) }
    },
    onHeartbeatResponse: (status) => (isHealthy = status !== undefined && status < 300),
  }
}
