import type { Random } from './random.ts'
import type { Route } from './request-log.ts'

/**
 * What goes wrong with a request. `gateway` is somebody in front of the orchestrator that answers in its
 * place. A `status`, a `reset` and somebody else's `html` come before
 * anything is done; what is `lost`, `garbage` or `truncated` was done and only its answer suffers.
 */
export type Fault =
  | { kind: 'status'; status: number; retryAfterS?: number }
  | { kind: 'gateway'; status: number; type: string; body: string }
  | { kind: 'delay'; ms: number }
  | { kind: 'reset' | 'html' | 'lost' | 'garbage' | 'truncated' }

export type Faults = (route: Route) => Fault | undefined

const status = (code: number): Fault => ({ kind: 'status', status: code })

const gateway = (code: number, body: object | string): Fault => ({
  ...{ kind: 'gateway', status: code },
  ...(typeof body === 'string'
    ? { type: 'text/html', body }
    : { type: 'application/json', body: JSON.stringify(body) }),
})

/** What is answered while the orchestrator is deployed, by whoever does not find it. */
export const GATEWAYS: readonly Fault[] = [
  gateway(404, { message: 'no Route matched with those values' }), // Kong
  gateway(404, { message: 'Not Found' }), // AWS
  gateway(404, { statusCode: 404, message: 'Cannot POST /internal', error: 'Not Found' }), // Nest
  gateway(404, { timestamp: 'now', status: 404, error: 'Not Found', path: '/internal' }), // Spring
  gateway(404, {
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'No such resource',
  }),
  gateway(404, { detail: 'Not Found' }), // FastAPI’s router
  gateway(405, { detail: 'Method Not Allowed' }),
  gateway(404, '404 page not found'), // Traefik
  gateway(404, ''), // Envoy
  gateway(405, '<html><title>405 Not Allowed</title></html>'), // nginx
  gateway(409, 'error code: 1001'), // Cloudflare
  gateway(410, '<html>410: Gone</html>'), // Vercel
  gateway(413, '<html><title>413 Request Entity Too Large</title></html>'),
]

/** A false "gone" costs a whole attempt, so it is the rarest. */
const WEIGHTED: [number, Fault][] = [
  [3, status(500)],
  [3, status(502)],
  [2, { kind: 'status', status: 429, retryAfterS: 1 }],
  [1, status(401)],
  [0.5, status(404)],
  [0.5, status(409)],
  [0.5, status(410)],
  ...GATEWAYS.map((fault): [number, Fault] => [0.3, fault]),
  [3, { kind: 'reset' }],
  [4, { kind: 'lost' }],
  [1, { kind: 'html' }],
  [1, { kind: 'garbage' }],
  [1, { kind: 'truncated' }],
]

/** Faults of every kind on a share of the requests, on every route. */
export function someFaults(random: Random, share: number, longestMs = 1_000): Faults {
  return () => {
    if (!random.chance(share)) return undefined
    if (random.chance(1 / 6)) return { kind: 'delay', ms: random.between(1, longestMs) }
    return random.pick(WEIGHTED)
  }
}
