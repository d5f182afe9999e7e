import { readdir, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkSource } from '../../../runtime/doctor/job-source.ts'
import { checkStorage } from '../../../runtime/doctor/storage.ts'
import { fakeB2 } from '../../helpers/storage/fake-b2.ts'
import { config } from '../../helpers/doctor-environment.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'
import { KEYS, strictS3, type Fault, type Operation } from '../../helpers/storage/strict-s3.ts'
import { bodyOf, webServer } from '../../helpers/servers/loopback-server.ts'

let place: Folder
beforeEach(async () => {
  place = await folder()
})
afterEach(() => place[Symbol.asyncDispose]())

const soon = () => AbortSignal.timeout(300_000)

describe('storage', () => {
  const s3 = (endpoint: string, changes: Record<string, string> = {}) => ({
    ...{ S3_ENDPOINT: endpoint, S3_BUCKET: 'bucket', S3_PREFIX: 'some' },
    ...{ S3_KEY_ID: KEYS.keyId, S3_SECRET: KEYS.secret },
    ...changes,
  })
  async function stored(changes: Record<string, string>) {
    const [finding, ...more] = await checkStorage(config(place, changes), soon())
    expect(more).toEqual([])
    return finding!
  }

  test('a directory is written, read and left empty', async () => {
    expect(await stored({})).toMatchObject({ status: 'ok', check: 'storage' })
    expect(await readdir(place.file('outputs'))).toEqual([])
  })
  test('a directory that cannot be written fails', async () => {
    await writeFile(place.file('file'), '')
    const finding = await stored({ OUTPUT_DIR: place.file('file') })
    expect(finding).toMatchObject({ status: 'fail', action: expect.stringContaining('OUTPUT_DIR') })
    expect(finding.message).toMatch(/cannot be written/)
  })
  test('an S3 bucket is written, read by a signed address, and left empty', async () => {
    await using server = await strictS3()
    const finding = await stored(s3(server.origin))
    expect(finding).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('signed address'),
    })
    expect([...server.objects.keys()]).toEqual([])
    expect(server.operations.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['put', 'head', 'get', 'delete']),
    )
  })
  test.each<[string, Record<string, string>, RegExp]>([
    ['a wrong secret', { S3_SECRET: 'not-the-secret-0123456789' }, /credentials.*403/],
    ['a bucket that is not there', { S3_BUCKET: 'nobody' }, /404/],
  ])('%s fails', async (_, changes, words) => {
    await using server = await strictS3()
    const finding = await stored(s3(server.origin, changes))
    expect(finding).toMatchObject({ status: 'fail', action: expect.stringContaining('S3_SECRET') })
    expect(finding.message).toMatch(words)
    expect([...server.objects.keys()]).toEqual([])
  })
  test.each<[string, Operation['name'], string, RegExp]>([
    ['may not write', 'put', 'fail', /cannot be written.*403/],
    ['may not read', 'get', 'fail', /cannot be read.*403/],
    ['may not delete', 'delete', 'warn', /cannot be removed.*403/],
  ])('a key that %s is told', async (_, name, status, words) => {
    const forbid = (operation: Operation): Fault | undefined =>
      operation.name === name ? { status: 403, code: 'AccessDenied' } : undefined
    await using server = await strictS3(forbid)
    const finding = await stored(s3(server.origin))
    expect(finding.status).toBe(status)
    expect(finding.message).toMatch(words)
  })
  test('a server that is not there fails', async () => {
    const finding = await stored(s3('http://127.0.0.1:9'))
    expect(finding).toMatchObject({ status: 'fail', message: expect.stringContaining('refused') })
  })
  test('an address of results that gives callers nothing warns', async () => {
    await using server = await strictS3()
    await using front = await webServer((_, response) => void response.writeHead(404).end())
    const finding = await stored(s3(server.origin, { S3_PUBLIC_BASE_URL: front.origin }))
    expect(finding).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('status 404'),
    })
    expect(finding.action).toContain('S3_PUBLIC_BASE_URL')
    expect([...server.objects.keys()]).toEqual([])
  })
  test('a B2 key is authorized, and the bucket used', async () => {
    await using server = await strictS3()
    await using b2 = await fakeB2({ s3ApiUrl: server.origin, bucketType: 'allPrivate' })
    const keys = { B2_KEY_ID: KEYS.keyId, B2_BUCKET_NAME: 'bucket', B2_API_URL: b2.origin }
    expect(await stored({ ...keys, B2_APP_KEY: KEYS.secret })).toMatchObject({ status: 'ok' })
    const finding = await stored({ ...keys, B2_APP_KEY: 'another-secret' })
    expect(finding).toMatchObject({ status: 'fail', action: expect.stringContaining('B2_APP_KEY') })
    expect(finding.message).toContain('401')
  })
})

describe('who gives the jobs', () => {
  const claimer = (ORCHESTRATOR_BASE_URL: string, changes: Record<string, string> = {}) =>
    config(place, { ORCHESTRATOR_BASE_URL, INTERNAL_API_KEY: 'key', WORKER_ID: 'w-1', ...changes })
  const asked = async (at: ReturnType<typeof claimer>) => (await checkSource(at, soon()))[0]!

  test('hears a heartbeat of another name that takes no job', async () => {
    let body = ''
    await using server = await webServer(async (request, response) => {
      body = (await bodyOf(request)).toString()
      response.end('{}')
    })
    expect(await asked(claimer(server.origin))).toMatchObject({
      ...{ check: 'orchestrator', status: 'ok' },
      message: expect.stringContaining('this worker is w-1'),
    })
    expect(server.seen).toHaveLength(1)
    const [{ method, path, headers }] = server.seen as [(typeof server.seen)[0]]
    expect(`${method} ${path}`).toMatch(/^POST \/internal\/main\/workers\/doctor-.+\/heartbeat$/)
    expect(headers['x-internal-api-key']).toBe('key')
    expect(JSON.parse(body)).toMatchObject({ status: 'idle', ready: false, current_job_id: null })
  })
  test('may be a buffer, at an address of its own', async () => {
    await using server = await webServer((_, response) => void response.end('{}'))
    const changes = { WORKER_MODE: 'buffer', BUFFER_ORCHESTRATOR_BASE_URL: server.origin }
    const found = await asked(claimer('http://127.0.0.1:9', changes))
    expect(found).toMatchObject({ check: 'buffer', status: 'ok' })
    expect(server.seen[0]!.path).toMatch(/^\/internal\/buffer\/workers\/doctor-/)
  })
  test.each([
    [401, 'fail', /INTERNAL_API_KEY/],
    [404, 'fail', /ORCHESTRATOR_BASE_URL must be the part/],
    [422, 'fail', /look at its log/],
    [503, 'warn', /look at that server/],
  ])('its status %s is a %s and says what to do', async (status, verdict, todo) => {
    await using server = await webServer((_, response) => void response.writeHead(status).end())
    const finding = await asked(claimer(server.origin))
    expect(finding).toMatchObject({
      status: verdict,
      message: expect.stringContaining(`${status}`),
    })
    expect(finding.action).toMatch(todo)
  })
  test('is not reached where nobody listens, or when it redirects', async () => {
    const closed = await asked(claimer('http://127.0.0.1:9'))
    expect(closed).toMatchObject({ status: 'fail', message: expect.stringContaining('refused') })
    await using server = await webServer((_, response) => {
      response.writeHead(302, { location: 'https://elsewhere.example/' }).end()
    })
    const moved = await asked(claimer(server.origin))
    expect(moved).toMatchObject({ status: 'fail', message: expect.stringContaining('redirects') })
  })
  test('is a platform’s queue, of which only the address can be tested', async () => {
    await using server = await webServer((_, response) => void response.writeHead(401).end())
    const done = { RUNPOD_WEBHOOK_POST_OUTPUT: server.url('/done/$ID') }
    const queue = (url: string) => asked(config(place, { RUNPOD_WEBHOOK_GET_JOB: url, ...done }))
    expect(await queue(server.url('/take/$ID'))).toMatchObject({ check: 'runpod', status: 'ok' })
    expect(server.seen.map(({ path }) => path)).toEqual(['/'])
    expect(await queue('http://127.0.0.1:9/take')).toMatchObject({ status: 'fail' })
    expect(await queue('http://[take')).toMatchObject({ status: 'fail' })
  })
})
