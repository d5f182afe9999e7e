import { Hono, type Context } from 'hono'
import * as v from 'valibot'
import type { AppOptions, Health, WorkerState } from '../app-options.ts'
import {
  describeOperation,
  schemaComponent,
  response,
  textResponse,
} from '../describe-operation.ts'

/**
 * What platforms and people poll. Ready means able to take jobs, not idle: a worker whose queue is
 * full is ready, because Salad's and Vast's side-cars drop a worker that says otherwise while it works.
 */
export function healthRoutes({ health, metrics }: Pick<AppOptions, 'health' | 'metrics'>): Hono {
  const app = new Hono()
  const isReady = ({ state, storage_problem }: Health) =>
    ['ready', 'busy'].includes(state) && storage_problem === undefined
  const ready = (c: Context) => {
    const report = health()
    const { state, storage_problem } = report
    const body = { state, ...(storage_problem !== undefined && { storage_problem }) }
    return c.json(body, isReady(report) ? 200 : 503)
  }

  app.get('/hc', describeAlive, (c) => c.json({ status: 'ok' }))
  app.get('/health', describeHealth, (c) => {
    const report = health()
    return c.json(report, report.state === 'broken' ? 503 : 200)
  })
  app.get('/ready', describeReady, ready)
  // RunPod load balancing: 204 counts as a cold start, anything else but 200 takes us out.
  app.get('/ping', describePing, (c) =>
    health().state === 'starting' ? c.body(null, 204) : ready(c),
  )
  app.get('/metrics', describeMetrics, async (c) =>
    c.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType }),
  )
  return app
}

const state = v.picklist([
  'starting',
  'ready',
  'busy',
  'draining',
  'broken',
] satisfies WorkerState[])
const bundle = v.object({ name: v.string(), version: v.string(), id: v.string() })
const count = v.pipe(v.number(), v.integer())

const HealthReport = schemaComponent(
  'Health',
  v.object({
    state,
    version: v.string(),
    revision: v.nullable(v.string()),
    bundle: v.nullable(bundle),
    engines: v.array(
      v.object({
        index: count,
        state: v.picklist(['starting', 'ready', 'busy', 'broken']),
        device: v.optional(v.picklist(['cuda', 'cpu'])),
        bundle: v.optional(bundle),
        pid: v.optional(count),
        jobs: v.pipe(count, v.description('Renders that ended, well or badly.')),
        restarts: count,
        rss_mb: v.optional(v.number()),
        reason: v.optional(v.pipe(v.string(), v.description('Why it is broken.'))),
      } satisfies Record<keyof Health['engines'][number], v.GenericSchema>),
    ),
    pull: v.optional(
      v.object({
        phase: v.picklist(['waiting', 'download', 'fill', 'verify']),
        file: v.optional(v.string()),
        bytes: count,
        bytes_total: count,
        eta_sec: v.optional(v.number()),
      } satisfies Record<keyof NonNullable<Health['pull']>, v.GenericSchema>),
    ),
    source: v.optional(
      v.object({
        name: v.string(),
        reachable: v.nullable(v.boolean()),
        at: v.nullable(v.string()),
        reason: v.optional(v.string()),
      } satisfies Record<keyof NonNullable<Health['source']>, v.GenericSchema>),
    ),
    storage_problem: v.optional(
      v.pipe(v.string(), v.description('Why no result can be stored; then it is not ready.')),
    ),
  } satisfies Record<keyof Health, v.GenericSchema>),
)
const StateReport = schemaComponent(
  'State',
  v.object({ state, storage_problem: v.optional(v.string()) }),
)

const describeAlive = describeOperation({
  tag: 'Probes',
  summary: 'The process is alive',
  responses: { 200: response('Always.', v.object({ status: v.literal('ok') })) },
})
const describeHealth = describeOperation({
  tag: 'Probes',
  summary: 'State, versions, engines',
  responses: {
    200: response('The worker works, or is about to.', HealthReport),
    503: response('It is broken: no engine can start.', HealthReport),
  },
})
const describeReady = describeOperation({
  tag: 'Probes',
  summary: 'Whether jobs are accepted; a busy worker is ready',
  responses: { 200: response('Yes.', StateReport), 503: response('Not now.', StateReport) },
})
const describePing = describeOperation({
  tag: 'Probes',
  summary: 'The same for RunPod load balancing',
  responses: {
    200: response('Ready.', StateReport),
    204: response('Starting.'),
    503: response('Not now.', StateReport),
  },
})
const describeMetrics = describeOperation({
  tag: 'Probes',
  summary: 'Metrics for Prometheus',
  responses: { 200: textResponse('Its text format.', 'text/plain') },
})
