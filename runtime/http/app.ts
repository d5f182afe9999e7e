import { Hono } from 'hono'
import { WorkerError } from '../../handler/errors.ts'
import { IdempotencyKeys } from '../jobs/idempotency-keys.ts'
import { errorBody } from './responses.ts'
import { requireApiKey } from './auth.ts'
import { guardAgainstBrowsers } from './browser-guard.ts'
import { filesRoute } from './routes/files.ts'
import { estimateRoute } from './routes/estimate.ts'
import { generateRoute } from './routes/generate.ts'
import { jobsRoutes } from './routes/jobs.ts'
import { videoRoute } from './routes/video.ts'
import { costRoute } from './sync-so/cost-route.ts'
import { syncRoutes } from './sync-so/routes.ts'
import { uploadRoutes } from './routes/uploads.ts'
import { openapiRoute } from './openapi.ts'
import type { AppOptions } from './app-options.ts'
import { pageRoutes } from './pages/pages.ts'
import { healthRoutes } from './routes/health.ts'
import { runpodRoutes } from './runpod/routes.ts'

/** Everything this worker answers over HTTP: probes and pages for all, the rest for who has the key. */
export function createApp(options: AppOptions): Hono {
  const { log, apiKey, health } = options
  const intake = { ...options, keys: new IdempotencyKeys() }
  const app = new Hono()
  app.onError((error, c) => {
    log.error('http.failed', { path: c.req.path, cause: error.stack ?? error.message })
    const failure = new WorkerError('BUG', 'unexpected failure inside the worker; see its log')
    return c.json({ error: failure.toJSON() }, 500)
  })
  app.notFound((c) => {
    const allowed = methodsOf(app, c.req.path)
    if (allowed.length === 0) {
      return c.json(errorBody('NOT_FOUND', 'there is nothing here; see /docs'), 404)
    }
    c.header('Allow', allowed.join(', '))
    const message = `${c.req.method} is not for this path; see /docs`
    return c.json(errorBody('METHOD_NOT_ALLOWED', message), 405)
  })

  app.route('/', healthRoutes(options))
  guardAgainstBrowsers(app, options)
  // Neither holds a secret; the pages ask for the key themselves.
  app.route('/', pageRoutes())
  app.route('/', openapiRoute(app, health().version, apiKey !== undefined))
  app.use(requireApiKey(apiKey))
  app.route('/', generateRoute(intake))
  app.route('/', jobsRoutes(intake))
  app.route('/', estimateRoute(options))
  app.route('/', videoRoute(options))
  app.route('/', runpodRoutes(intake))
  app.route('/', costRoute(options))
  app.route('/', syncRoutes(intake))
  app.route('/', uploadRoutes(options.uploads))
  if (options.files !== undefined) app.route('/', filesRoute(options.files))
  return app
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/** What a path can be asked by; a GET can be asked as HEAD too. */
function methodsOf({ router }: Hono, path: string): string[] {
  const has = (method: string) =>
    router.match(method, path)[0].some(([[, route]]) => route.method === method)
  return METHODS.filter((method) => has(method) || (method === 'HEAD' && has('GET')))
}
