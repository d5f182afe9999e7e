import type { Fault } from './faults.ts'

/** What workers talk to. */
export type Route =
  | ('main.heartbeat' | 'main.claim' | 'main.progress')
  | ('buffer.heartbeat' | 'buffer.claim' | 'buffer.status')

export type Json = Record<string, unknown>

/** A request of a worker, in the order in which they came; what became of it is filled in later. */
export interface Request {
  kind: 'request'
  /** Milliseconds of the orchestrator's clock. */
  at: number
  route: Route
  worker: string | undefined
  job: string | undefined
  /** Which hand-out of the job to this worker it belongs to; undefined: it never got the job. */
  attempt: number | undefined
  body: Json
  fault: Fault | undefined
  /** Whether it had its effect; an answer that was lost does not take that back. */
  processed: boolean
  /** What the worker got to see; undefined: nothing. */
  status: number | undefined
  answer: unknown
}

export type Why = 'lease' | 'offline' | 'retryable' | 'forgotten'

/** What became of a job. */
export interface Change {
  kind: 'change'
  at: number
  job: string
  change: 'submitted' | 'handed' | 'adopted' | 'requeued' | 'succeeded' | 'failed' | 'canceled'
  worker?: string
  attempt?: number
  why?: Why
  /** A hand-out on purpose of a job that somebody has. */
  duplicate?: true
  /** Why it failed. */
  code?: string
}

/** The orchestrator itself came or went. */
export interface Turn {
  kind: 'turn'
  at: number
  turn: 'up' | 'down'
  amnesia?: true
}

export type Entry = Request | Change | Turn

/** The end of an attempt, in either of the spellings. */
export function endOf({ status }: Json): 'succeeded' | 'failed' | undefined {
  if (status === 'succeeded' || status === 'success') return 'succeeded'
  return status === 'failed' ? 'failed' : undefined
}

/** What makes a success one that can be believed. */
export function missingFrom({ output_url: url, metrics }: Json): string | undefined {
  if (typeof url !== 'string' || !/^https?:\/\/./.test(url)) return 'output_url'
  if (typeof metrics !== 'object' || metrics === null || Object.keys(metrics).length === 0)
    return 'metrics'
  return undefined
}
