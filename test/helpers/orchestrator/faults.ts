import type { Random } from './random.ts'
import type { Route } from './request-log.ts'

/**
 * What goes wrong with a request. A `status`, a `reset` and somebody else's `html` come before
 * anything is done; what is `lost`, `garbage` or `truncated` was done and only its answer suffers.
 */
export type Fault =
  | { kind: 'status'; status: number; retryAfterS?: number }
  | { kind: 'delay'; ms: number }
  | { kind: 'reset' | 'html' | 'lost' | 'garbage' | 'truncated' }

export type Faults = (route: Route) => Fault | undefined

const status = (code: number): Fault => ({ kind: 'status', status: code })

/** A false "gone" costs a whole attempt, so it is the rarest. */
const WEIGHTED: [number, Fault][] = [
  [3, status(500)],
  [3, status(502)],
  [2, { kind: 'status', status: 429, retryAfterS: 1 }],
  [1, status(401)],
  [0.5, status(404)],
  [0.5, status(409)],
  [0.5, status(410)],
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
