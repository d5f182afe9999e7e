import type { RedisOptions } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { redisOptions } from '../../../runtime/sources/bullmq/redis.ts'

const of = (url: string) => redisOptions({ urls: [url] }).server as RedisOptions

describe('what ioredis is told', () => {
  test('of one server: address, database, user and password as they are meant', () => {
    expect(of('redis://me:p%40ss%2F1@r.test:7000/3')).toMatchObject({
      ...{ host: 'r.test', port: 7000, db: 3, username: 'me', password: 'p@ss/1' },
    })
    const plain = of('redis://r.test')
    expect(plain).toMatchObject({ host: 'r.test', port: 6379 })
    expect(Object.keys(plain)).not.toEqual(expect.arrayContaining(['username']))
    expect(plain.tls).toBeUndefined()
    expect(of('redis://[::1]:7001')).toMatchObject({ host: '::1', port: 7001 })
  })

  test('of TLS: the name that the certificate must have, which an address is not', () => {
    expect(of('rediss://:secret@r.test').tls).toEqual({ servername: 'r.test' })
    expect(of('rediss://127.0.0.1:1').tls).toEqual({})
    expect(of('rediss://[::1]:1').tls).toEqual({})
  })

  test('of a cluster: its nodes by their names, and one login for all', () => {
    const urls = ['rediss://u:p@a.test:1', 'rediss://u:p@b.test:2']
    const [nodes, options] = redisOptions({ urls }).cluster!
    expect(nodes).toEqual([
      { host: 'a.test', port: 1 },
      { host: 'b.test', port: 2 },
    ])
    const login = { username: 'u', password: 'p', tls: {}, maxRetriesPerRequest: 0 }
    expect(options).toMatchObject({ redisOptions: login, dnsLookup: expect.any(Function) })
    expect(options).not.toHaveProperty('redisOptions.host')
  })

  test('of sentinels: whom to ask, for whom, and both logins', () => {
    const urls = ['rediss://u:p@s1.test:26379', 'rediss://s2.test:26380']
    const sentinel = { name: 'main', password: 'theirs' }
    expect(redisOptions({ urls, sentinel }).server).toMatchObject({
      sentinels: [
        { host: 's1.test', port: 26379 },
        { host: 's2.test', port: 26380 },
      ],
      ...{ name: 'main', username: 'u', password: 'p', sentinelPassword: 'theirs' },
      ...{ tls: {}, enableTLSForSentinelMode: true, sentinelTLS: {} },
    })
  })

  test('a command is not kept for a server that is away, and a replica is left', () => {
    const { maxRetriesPerRequest, reconnectOnError, retryStrategy } = of('redis://r.test')
    expect(maxRetriesPerRequest).toBe(0)
    expect(reconnectOnError!(new Error('READONLY You cannot write'))).toBe(true)
    expect([1, 100].map((times) => retryStrategy!(times))).toEqual([200, 5_000])
  })
})
