import { once } from 'node:events'
import { createServer } from 'node:net'
import { isErrno } from '../../handler/errors.ts'
import { readBody } from '../../handler/net/read-body.ts'
import { createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import type { Config } from '../config/config.ts'
import { fail, ok, type CheckResult } from './check-result.ts'

type PortConfig = Pick<Config, 'HOST' | 'PORT' | 'PORT_HEALTH' | 'RUNPOD_WEBHOOK_GET_JOB'>

const USUAL = 8000
const MAX_ANSWER = 65_536 // bytes
const ANSWER_MS = 3_000

/** Whether the ports are free, or taken by the worker itself. */
export async function checkPorts(config: PortConfig, signal: AbortSignal): Promise<CheckResult[]> {
  const { HOST, PORT, PORT_HEALTH, RUNPOD_WEBHOOK_GET_JOB } = config
  const port = PORT ?? (RUNPOD_WEBHOOK_GET_JOB === undefined ? USUAL : undefined)
  const ports = new Map<number, string>()
  if (PORT_HEALTH !== undefined) ports.set(PORT_HEALTH, 'PORT_HEALTH')
  if (port !== undefined) ports.set(port, 'PORT')
  if (ports.size === 0) return [ok('port', 'none is opened: jobs come by RunPod’s queue')]
  return Promise.all([...ports].map(([number, name]) => judge(number, name, HOST, signal)))
}

async function judge(port: number, name: string, host: string | undefined, signal: AbortSignal) {
  const problem = await bind(port, host)
  if (problem === undefined) return ok('port', port === 0 ? 'any free one' : `${port} is free`)
  if (problem !== 'EADDRINUSE') {
    return fail('port', `${port} cannot be opened (${problem})`, `set ${name} or HOST`)
  }
  const state = await workerAt(port, host, signal)
  if (state !== undefined)
    return ok('port', `${port} is a running worker’s: its state is "${state}"`)
  return fail('port', `${port} is taken by another program`, `stop that program, or set ${name}`)
}

/** @returns the code of what prevents it */
async function bind(port: number, host: string | undefined): Promise<string | undefined> {
  const server = createServer()
  try {
    server.listen(port, host ?? '::')
    await once(server, 'listening')
    return undefined
  } catch (error) {
    const noIpv6 = isErrno(error, 'EAFNOSUPPORT') || isErrno(error, 'EADDRNOTAVAIL')
    if (host === undefined && noIpv6) return bind(port, '0.0.0.0')
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  } finally {
    server.close()
  }
}

/** The state that a worker tells of itself at a port of this machine. */
async function workerAt(port: number, host: string | undefined, outer: AbortSignal) {
  const anywhere = host === undefined || host === '::' || host === '0.0.0.0'
  const name = anywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  const signal = AbortSignal.any([outer, AbortSignal.timeout(ANSWER_MS)])
  try {
    const answer = await createTrustedFetch()(`http://${name}:${port}/health`, { signal })
    const text = await readBody(answer.body, MAX_ANSWER)
    const { state, version } = JSON.parse(text) as { state?: unknown; version?: unknown }
    return typeof state === 'string' && typeof version === 'string' ? state : undefined
  } catch {
    outer.throwIfAborted()
    return undefined // it speaks no HTTP, or says nothing that a worker would say
  }
}
