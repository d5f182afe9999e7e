import { createHash } from 'node:crypto'
import type { Channel, Exchange } from '../helpers/runpod/request-log.ts'

/** What a worker said on one channel, without what differs from run to run. */
export interface Line {
  request: string
  headers: Record<string, string>
  /** As it came; of a long one its size and hash. */
  body?: string
}

export type Trace = { exit?: number | string } & Partial<Record<Channel, Line[]>>

const LONGEST_BODY = 2_000 // characters

/** @param version how the worker calls itself */
export function traceOf(exchanges: Exchange[], keep: Channel[], version: RegExp): Trace {
  const lines = keep.map((channel): [Channel, Line[]] => {
    const own = exchanges.filter((one) => one.channel === channel).map((one) => line(one, version))
    if (channel === 'done' || channel === 'stream') return [channel, own]
    return [channel, own.filter((each, index) => !isSame(each, own[index - 1]))]
  })
  return Object.fromEntries(lines)
}

/** Polls and pings repeat as often as time allows; once is enough. */
const isSame = (a: Line, b: Line | undefined) => JSON.stringify(a) === JSON.stringify(b)

function line({ channel, method, path, query, headers, body }: Exchange, version: RegExp): Line {
  const { 'user-agent': _agent, 'x-request-id': id, ...spoken } = headers
  // The SDK's polls carry the id of whatever job was posted last; the protocol does not want it.
  const own = id !== undefined && (channel === 'done' || channel === 'stream')
  const asked = query.map((one) => one.replace(version, '<version>'))
  return {
    request: `${method} ${path}${asked.length > 0 ? `?${asked.join('&')}` : ''}`,
    headers: { ...spoken, ...(own && { 'x-request-id': id }) },
    ...(body && { body: short(plain(body).replace(version, '<version>')) }),
  }
}

/** Without white space between the parts of the JSON, and without tracebacks. */
function plain(body: string): string {
  return body
    .replace(/("(?:[^"\\]|\\.)*")|\s+/gs, '$1')
    .replace(/(\\"error_traceback\\": ?\\").*?(?=\\", ?\\"hostname)/s, '$1<traceback>')
    .replace(/(\\ntraceback: ).*?(?="})/s, '$1<traceback>')
}

function short(body: string): string {
  if (body.length <= LONGEST_BODY) return body
  const sha256 = createHash('sha256').update(body).digest('hex')
  return `${Buffer.byteLength(body)} bytes, sha256 ${sha256}`
}
