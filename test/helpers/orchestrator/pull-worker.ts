import type { Json } from './request-log.ts'
import type { Orchestrator } from './server.ts'
import { pushServer } from '../servers/worker-server.ts'

/** A worker in this process that claims from an orchestrator, with a pretended engine. */
export function pullWorker(
  giver: Orchestrator,
  env: Record<string, string> = {},
  own: Parameters<typeof pushServer>[1] = {},
) {
  const where = { ORCHESTRATOR_BASE_URL: giver.url, INTERNAL_API_KEY: giver.key }
  const pace = { POLL_INTERVAL_SEC: '0.1', BUFFER_POLL_INTERVAL_SEC: '0.2' }
  return pushServer({ ...where, WORKER_ID: 'w1', ...pace, ...env }, own)
}

/** What the orchestrator heard of a job: the bodies of its reports, in order. */
export function reportsOf(giver: Orchestrator, id: string): Json[] {
  return giver
    .record()
    .filter((entry) => entry.kind === 'request')
    .filter(({ route, job }) => job === id && /progress|status/.test(route))
    .map(({ body }) => body)
}

/** Wait until a job has ended, one way or another. */
export const ended = (giver: Orchestrator, ...ids: string[]): Promise<void> =>
  giver.until(
    () => ids.every((id) => /succeeded|failed|canceled/.test(giver.jobs.get(id)?.state ?? '')),
    AbortSignal.timeout(300_000),
  )
