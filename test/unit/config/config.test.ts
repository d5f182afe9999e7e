import { describe, expect, test } from 'vitest'
import { readConfig, renderProcessEnv } from '../../../runtime/config/config.ts'
import { hasUnknownProxy, proxyOf } from '../../../runtime/config/proxies.ts'

describe('the environment', () => {
  test('may be empty: everything has a default', () => {
    expect(readConfig({})).toMatchObject({ DEVICE: 'auto', MAX_VIDEO_SEC: 1800, LOG_LEVEL: 'info' })
  })
  test('is read as numbers and choices', () => {
    const config = readConfig({ MAX_AUDIO_SEC: '12.5', BATCH_SIZE: '8', DEVICE: 'cpu' })
    expect(config).toMatchObject({ MAX_AUDIO_SEC: 12.5, BATCH_SIZE: 8, DEVICE: 'cpu' })
  })
  test('with an empty value is as if it were not set', () => {
    expect(readConfig({ BATCH_SIZE: '', DEVICE: '' })).toMatchObject({ DEVICE: 'auto' })
  })
  test('leaves alone what is not ours', () => {
    expect(Object.keys(readConfig({ PATH: '/bin', MAX_TYPO: '1' }))).not.toContain('PATH')
  })
  test('names every bad variable in one message', () => {
    const bad = {
      ...{ BATCH_SIZE: '0', DEVICE: 'gpu', LOG_LEVEL: 'loud', MAX_AUDIO_SEC: '-1' },
      ...{
        INTERNAL_API_KEY: 'k\n',
        RUNPOD_AI_API_KEY: 'schlüssel',
        API_KEY: 'k\n',
        S3_SECRET: 'a b',
      },
      ...{ RUNPOD_WEBHOOK_GET_JOB: 'job-take', RUNPOD_WEBHOOK_PING: 'ftp://p.test/' },
      ...{ S3_BUCKET: 'results\n', PUBLIC_BASE_URL: 'https://w.test\r\n', WORKER_ID: 'a\nb' },
      ...{ POLL_INTERVAL_SEC: '1e9', BULLMQ_LOCK_SEC: '2147484' },
      ...{ MAX_PIXELS: '12.5', MAX_VIDEO_SEC: 'long', MAX_INPUT_MB: 'NaN', DRAIN_SEC: 'Infinity' },
    }
    const message = (() => {
      try {
        readConfig(bad)
        return 'no error'
      } catch (error) {
        return (error as Error).message
      }
    })()
    for (const name of Object.keys(bad)) expect(message.split(`  ${name}: `)).toHaveLength(2)
  })
})

describe('proxies', () => {
  const read = (env: NodeJS.ProcessEnv) => proxyOf(readConfig(env))
  test('are read in both spellings, and the lower one wins', () => {
    expect(read({})).toBeUndefined()
    expect(read({ NO_PROXY: 'a' })).toBeUndefined()
    const both = { HTTPS_PROXY: 'http://upper:1', https_proxy: 'lower:3128', no_proxy: 'a,b' }
    expect(read(both)).toEqual({ https: 'http://lower:3128', bypass: 'a,b' })
  })
  test('for all addresses stand in for those that are not set', () => {
    expect(read({ all_proxy: 'p:1' })).toMatchObject({ http: 'http://p:1', https: 'http://p:1' })
    const both = { ALL_PROXY: 'http://p:1', HTTPS_PROXY: 'http://own:2' }
    expect(read(both)).toMatchObject({ http: 'http://p:1', https: 'http://own:2' })
  })
  test('for all addresses are passed over where they speak no HTTP', () => {
    const env = { ALL_PROXY: 'socks5://p:1' }
    expect(read(env)).toBeUndefined()
    expect(hasUnknownProxy(readConfig(env))).toBe(true)
    const others = { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://p:1' }
    expect(hasUnknownProxy(readConfig({ ...env, ...others }))).toBe(false)
    expect(renderProcessEnv('', { ...env, all_proxy: 'http://u:p@p' })).toEqual({})
  })
  test('that are none stop the start', () => {
    expect(() => read({ http_proxy: 'socks5://p:1' })).toThrow(
      'HTTP_PROXY: must be the URL of a proxy',
    )
  })
  test('may have a password, so a render process does not see them', () => {
    const env = { HTTP_PROXY: 'http://u:p@p', https_proxy: 'http://u:p@p', PATH: '/bin' }
    expect(renderProcessEnv('', env)).toEqual({ PATH: '/bin' })
  })
})
