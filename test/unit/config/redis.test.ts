import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../runtime/config/config.ts'
import { redisTargetOf } from '../../../runtime/config/redis.ts'

const target = (env: Record<string, string>) => redisTargetOf(readConfig(env))

describe('where Redis is', () => {
  test('one server', () =>
    expect(target({ REDIS_URL: 'rediss://u:p@r.test:1' })).toEqual({
      urls: ['rediss://u:p@r.test:1'],
    }))
  test('sentinels', () =>
    expect(target({ REDIS_URL: 'redis://a, redis://b', REDIS_SENTINEL_NAME: 'main' })).toEqual({
      urls: ['redis://a', 'redis://b'],
      sentinel: { name: 'main' },
    }))
  test('a cluster, whose keys are kept together', () =>
    expect(target({ REDIS_URL: 'redis://a,redis://b', BULLMQ_PREFIX: '{m}' }).urls).toHaveLength(2))
  test('a cluster that would scatter the keys of a queue', () =>
    expect(() => target({ REDIS_URL: 'redis://a,redis://b' })).toThrow('BULLMQ_PREFIX={bull}'))
  test('what is no address', () =>
    expect(() => readConfig({ REDIS_URL: 'http://r.test' })).toThrow(/REDIS_URL: must be redis:/))
})
