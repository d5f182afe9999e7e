import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'

// Loaded before a worker of the chaos test: every few seconds its machine knows no names for a moment.
const EVERY_MS = 9_000
const GAP_MS = 1_500
const lookup = dns.lookup as (host: string, options: object, done: Done) => void
type Done = (error: Error | null, found?: unknown, family?: number) => void

function flakyLookup(host: string, options: object | Done, done?: Done): void {
  const answer = done ?? (options as Done)
  const given = done ? options : {}
  // Addresses come by here too, and test servers listen on IPv4 alone.
  if (host !== 'localhost') return lookup(host, given, answer)
  if (Date.now() % EVERY_MS >= GAP_MS) return lookup(host, { ...given, family: 4 }, answer)
  const error = Object.assign(new Error('no such name for a moment'), { code: 'ENOTFOUND' })
  setImmediate(() => answer(error))
}

Object.assign(dns, { lookup: flakyLookup })
syncBuiltinESMExports()
