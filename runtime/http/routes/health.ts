import { Hono } from 'hono'
import type { AppOptions } from '../app-options.ts'

/**
 * What platforms and people poll. Ready means able to take jobs, not idle: a worker whose queue is
 * full is ready, because Salad's and Vast's side-cars drop a worker that says otherwise while it works.
 */
export function healthRoutes({ health, metrics }: Pick<AppOptions, 'health' | 'metrics'>): Hono {
  const app = new Hono()
  const isReady = () => ['ready', 'busy'].includes(health().state)

  app.get('/hc', (c) => c.json({ status: 'ok' }))
  app.get('/health', (c) => {
    const report = health()
    return c.json(report, report.state === 'broken' ? 503 : 200)
  })
  app.get('/ready', (c) => c.json({ state: health().state }, isReady() ? 200 : 503))
  // RunPod load balancing: 204 counts as a cold start, anything else but 200 takes us out.
  app.get('/ping', (c) => {
    const { state } = health()
    return state === 'starting' ? c.body(null, 204) : c.json({ state }, isReady() ? 200 : 503)
  })
  app.get('/metrics', async (c) =>
    c.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType }),
  )
  return app
}
