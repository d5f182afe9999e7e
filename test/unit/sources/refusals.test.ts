import { describe, expect, test } from 'vitest'
import { silentLog } from '../../../handler/log.ts'
import { NetworkError } from '../../../handler/net/network-error.ts'
import type { JobEvent } from '../../../handler/events/job-events.ts'
import type { OrchestratorClient, Reply } from '../../../runtime/sources/orchestrator/client.ts'
import {
  createResultDelivery,
  reportProgress,
} from '../../../runtime/sources/orchestrator/reports.ts'
import { GATEWAYS, type Fault } from '../../helpers/orchestrator/faults.ts'

type Gateway = Extract<Fault, { kind: 'gateway' }>
const HOUR = 3_600_000
const { signal } = new AbortController()

const replyOf = ({ status, body }: Gateway): Reply => ({ status, json: parsed(body), afterMs: 0 })
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
const answering = (reply: Reply) => ({ post: async () => reply }) as unknown as OrchestratorClient
const progress = (reply: Reply) => {
  const event = { status: 'running', phase: 'inferring', progress: 0.5, metrics: {} } as JobEvent
  const tag = { worker_id: 'w', config_label: 'c', batch_size: null }
  return reportProgress(answering(reply), { id: 'j' }, event, tag, signal)
}
const gateways = GATEWAYS as readonly Gateway[]

describe('whoever answers in the place of the orchestrator', () => {
  test.each(gateways)('does not stop a job: $status $body', async (gateway) => {
    await expect(progress(replyOf(gateway))).rejects.toBeInstanceOf(NetworkError)
  })

  test.each(gateways)('does not end the telling of an outcome: $status $body', async (gateway) => {
    let now = 0
    let well = true
    const api = answering(replyOf(gateway))
    const tell = createResultDelivery(
      api,
      () => well,
      silentLog,
      () => now,
    )
    const told = () => tell('j', '/internal/jobs/j/progress', {}, signal)
    for (now of [0, 1_000, HOUR - 1]) await expect(told()).rejects.toBeInstanceOf(NetworkError)
    now = HOUR
    well = false // and nobody takes heartbeats either
    await expect(told()).rejects.toBeInstanceOf(NetworkError)
    well = true
    expect(await told()).toBe('refused') // no deployment takes so long
  })
})

describe('the orchestrator’s own word', () => {
  const own = (status: number, detail: unknown = 'attempt 1 was given up'): Reply => ({
    ...{ status, json: { detail }, afterMs: 0 },
  })
  test.each([404, 409, 410])('stops a job: %i', async (status) => {
    expect(await progress(own(status))).toBe('revoked')
  })
  test.each([400, 404, 409, 410, 422])('ends the telling of an outcome: %i', async (status) => {
    const detail = status === 422 ? [{ loc: ['body'], msg: 'no', type: 'missing' }] : 'no'
    const tell = createResultDelivery(answering(own(status, detail)), () => false, silentLog)
    expect(await tell('j', '/', {}, signal)).toBe('refused')
  })
  test.each([401, 403, 408, 425, 429, 500, 503])('is asked again: %i', async (status) => {
    const tell = createResultDelivery(answering(own(status)), () => true, silentLog)
    await expect(tell('j', '/', {}, signal)).rejects.toBeInstanceOf(NetworkError)
  })
})
