import { hostname } from 'node:os'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../runtime/config/config.ts'
import { resolveJobSource } from '../../../runtime/config/job-source.ts'

const mode = (env: Record<string, string>) => resolveJobSource(readConfig(env))
const MAIN = { ORCHESTRATOR_BASE_URL: 'https://o.test', INTERNAL_API_KEY: 'k' }
const TAKE = { RUNPOD_WEBHOOK_GET_JOB: 'https://r.test/job-take/$ID' }
const QUEUE = { ...TAKE, RUNPOD_WEBHOOK_POST_OUTPUT: 'https://r.test/job-done/$ID' }

describe('who gives the jobs', () => {
  test('nobody named: HTTP only', () => expect(mode({})).toEqual({ source: 'push' }))
  test('an orchestrator', () =>
    expect(mode(MAIN)).toEqual({ source: 'orchestrator', baseUrl: 'https://o.test', key: 'k' }))
  test('an orchestrator that only hears of what comes over HTTP', () =>
    expect(mode({ ...MAIN, WORKER_MODE: 'push' })).toEqual({ source: 'push' }))
  test('a buffer, at the orchestrator’s address', () =>
    expect(mode({ ...MAIN, BUFFER_WORKER_ID: 'desk' })).toEqual({
      ...{ source: 'buffer', baseUrl: 'https://o.test', key: 'k', workerId: 'desk' },
    }))
  test('a buffer at its own address, under the name of the machine', () =>
    expect(
      mode({ ...MAIN, WORKER_MODE: 'buffer', BUFFER_ORCHESTRATOR_BASE_URL: 'https://b.test' }),
    ).toMatchObject({ baseUrl: 'https://b.test', workerId: `buffer-${hostname()}` }))
  test('a BullMQ queue', () =>
    expect(mode({ REDIS_URL: 'redis://r.test' })).toEqual({ source: 'bullmq' }))
  test('RunPod’s queue', () =>
    expect(mode(QUEUE)).toEqual({
      ...{ source: 'runpod', take: TAKE.RUNPOD_WEBHOOK_GET_JOB },
      done: QUEUE.RUNPOD_WEBHOOK_POST_OUTPUT,
    }))
})

describe('a start that cannot be meant', () => {
  test.each([
    [{ ...QUEUE, ...MAIN }, 'ORCHESTRATOR_BASE_URL for an orchestrator'],
    [{ ...QUEUE, BUFFER_WORKER_ID: 'b' }, 'BUFFER_WORKER_ID for a buffer'],
    [{ ...QUEUE, WORKER_MODE: 'buffer' }, 'WORKER_MODE=buffer for a buffer'],
    [{ ...QUEUE, REDIS_URL: 'redis://r' }, 'RUNPOD_WEBHOOK_GET_JOB for another source'],
    [{ ...MAIN, REDIS_URL: 'redis://r' }, 'ORCHESTRATOR_BASE_URL for another source'],
    [{ BUFFER_WORKER_ID: 'b', REDIS_URL: 'redis://r' }, 'BUFFER_WORKER_ID for another source'],
  ])('two sources: %j', (env, text) => expect(() => mode(env)).toThrow(text))

  test.each([
    [{ INTERNAL_API_KEY: 'k' }, /must have ORCHESTRATOR_BASE_URL/],
    [{ ORCHESTRATOR_BASE_URL: 'https://o.test' }, /must have INTERNAL_API_KEY/],
    [TAKE, /must have RUNPOD_WEBHOOK_POST_OUTPUT/],
    [{ WORKER_MODE: 'buffer' }, /ORCHESTRATOR_BASE_URL .* and INTERNAL_API_KEY/],
  ])('a source without address or key: %j', (env, text) => expect(() => mode(env)).toThrow(text))
})
