import { setTimeout as pause } from 'node:timers/promises'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { Answer } from './state.ts'
import type { Fault } from './faults.ts'

export type Wire = Context<{ Bindings: Partial<HttpBindings> }>

const PAGE = '<!doctype html><html><body><h1>It works!</h1></body></html>'

/** What a worker gets to see, and how. `status` is undefined where it is nothing. */
export interface Shown {
  response: Response
  status: number | undefined
  answer: unknown
}

/** Whether the fault lets the request have its effect. Waits, where it is a delay. */
export async function passes(fault: Fault | undefined): Promise<boolean> {
  if (fault?.kind === 'delay') await pause(fault.ms)
  return !['status', 'gateway', 'reset', 'html'].includes(fault?.kind ?? '')
}

/** @param answer of the orchestrator; undefined: the request had no effect */
export function show(c: Wire, fault: Fault | undefined, answer: Answer | undefined): Shown {
  switch (fault?.kind) {
    case 'status': {
      const { status, retryAfterS } = fault
      const headers = retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }
      const body = { detail: `status ${status} on purpose` }
      return { response: Response.json(body, { status, headers }), status, answer: body }
    }
    case 'gateway': {
      const { status, type, body } = fault
      const headers = { 'content-type': type }
      return { response: new Response(body, { status, headers }), status, answer: body }
    }
    case 'html': {
      const headers = { 'content-type': 'text/html' }
      return { response: new Response(PAGE, { headers }), status: 200, answer: PAGE }
    }
    case 'garbage':
      return { response: new Response('\u0000{"job": nul'), status: 200, answer: undefined }
    case 'reset':
    case 'lost':
      return { response: cut(c), status: undefined, answer: undefined }
    case 'truncated':
      return {
        response: cut(c, JSON.stringify(answer!.body)),
        status: undefined,
        answer: undefined,
      }
    default: {
      const { status, body } = answer!
      return { response: Response.json(body, { status }), status, answer: body }
    }
  }
}

/** End the connection, in the middle of `body` where there is one. */
function cut(c: Wire, body?: string): Response {
  const { outgoing } = c.env ?? {}
  if (!outgoing) return new Response(null, { status: 599 }) // no connection: a test without a socket
  if (body === undefined) outgoing.socket?.resetAndDestroy()
  else {
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    outgoing.writeHead(200, headers)
    outgoing.write(body.slice(0, body.length >> 1), () => outgoing.destroy())
  }
  return RESPONSE_ALREADY_SENT
}
