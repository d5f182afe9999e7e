import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../runtime/config/config.ts'
import { createStorage } from '../../../runtime/worker/create-storage.ts'

const B2 = { B2_KEY_ID: 'id', B2_APP_KEY: 'very-secret', B2_BUCKET_NAME: 'b' }
const S3 = { S3_BUCKET: 'b', S3_KEY_ID: 'id', S3_SECRET: 'very-secret' }

function refusal(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env)
  } catch (error) {
    return (error as Error).message
  }
  return expect.fail('the environment was taken')
}

describe('the store is what the environment means', () => {
  test.each([
    ['directory', {}],
    ['directory', { STORAGE: 'directory', ...S3 }],
    ['b2', B2],
    ['s3', S3],
    ['s3', { STORAGE: 's3', ...S3, ...B2 }],
    ['b2', { STORAGE: 'b2', ...S3, ...B2 }],
    ['b2', { ...B2, S3_PUBLIC_BASE_URL: 'https://cdn.example' }],
    ['directory', { STORAGE: '', S3_BUCKET: '' }],
  ])('%s', async (kind, env) => {
    const config = readConfig(env)
    expect(config.STORAGE).toBe(kind)
    expect((await createStorage(config)).kind).toBe(kind)
  })
})

describe('one message names everything that is missing or unclear', () => {
  test.each([
    [{ B2_KEY_ID: 'id' }, ['B2_APP_KEY', 'B2_BUCKET_NAME']],
    [{ S3_ENDPOINT: 'https://s3.example' }, ['S3_BUCKET', 'S3_KEY_ID', 'S3_SECRET']],
    [{ STORAGE: 's3' }, ['S3_BUCKET', 'S3_KEY_ID', 'S3_SECRET']],
    [{ ...S3, ...B2 }, ['STORAGE']],
    [{ STORAGE: 'ftp' }, ['STORAGE']],
    [
      { S3_ENDPOINT: 's3.example', PUBLIC_BASE_URL: 'x', ALLOW_PRIVATE_URLS: 'maybe', ...S3 },
      ['ALLOW_PRIVATE_URLS', 'PUBLIC_BASE_URL', 'S3_ENDPOINT'],
    ],
  ])('%j', (env, names) => {
    const lines = refusal(env).split('\n').slice(1)
    expect(lines.map((line) => /^ {2}(\w+): /.exec(line)?.[1])).toEqual(names)
  })
  test('and no secret', () => {
    const env = { ...B2, B2_BUCKET_NAME: '', WEBHOOK_SECRET: 'whsec_very-secret' }
    expect(refusal(env)).not.toContain('very-secret')
    expect(refusal(env)).toContain('WEBHOOK_SECRET')
  })
})

test('prefixes have no slashes at their ends, and the legacy worker’s default', () => {
  expect(readConfig({}).B2_PREFIX).toBe('avatar/outputs')
  expect(readConfig({ B2_PREFIX: '/a/b/', S3_PREFIX: 'c/' })).toMatchObject({
    ...{ B2_PREFIX: 'a/b', S3_PREFIX: 'c' },
  })
})

test.each([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
  [undefined, false],
])('a flag of %s is %s', (value, expected) => {
  const env = value === undefined ? {} : { ALLOW_PRIVATE_URLS: value }
  expect(readConfig(env).ALLOW_PRIVATE_URLS).toBe(expected)
})

test('two webhook secrets sign while one is changed', () => {
  const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`
  expect(readConfig({ WEBHOOK_SECRET: `${secret} ${secret}` }).WEBHOOK_SECRET).toContain(' ')
})
