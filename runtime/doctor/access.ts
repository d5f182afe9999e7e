import { BlockList, isIPv6 } from 'node:net'
import type { Config } from '../config/config.ts'
import { ok, warn, type CheckResult } from './check-result.ts'

type AccessConfig = Pick<Config, 'API_KEY' | 'HOST' | 'PORT' | 'RUNPOD_WEBHOOK_GET_JOB'>

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether others than this machine can use the port without a key. Probes ask for none. */
export function checkAccess(config: AccessConfig): CheckResult[] {
  const { API_KEY, HOST, PORT, RUNPOD_WEBHOOK_GET_JOB } = config
  if (PORT === undefined && RUNPOD_WEBHOOK_GET_JOB !== undefined) return []
  if (API_KEY !== undefined) return [ok('access', 'API_KEY is asked for')]
  if (HOST !== undefined && isLoopback(HOST)) {
    return [ok('access', `without a key, by this machine alone (HOST=${HOST})`)]
  }
  const found = 'API_KEY is not set: whoever reaches the port can send jobs and read results'
  const action =
    'set API_KEY, or, where only this machine calls, HOST=127.0.0.1 (for a container: -p 127.0.0.1:8001:8000)'
  return [warn('access', found, action)]
}

/** By its form; a name that the resolver knows as loopback too may be anything elsewhere. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}
