import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasRedis, redisServer } from '../../helpers/redis/server.ts'
import { ENDLESS, pushServer, VIDEO } from '../../helpers/servers/worker-server.ts'
import { KEYS, strictS3, type StrictS3 } from '../../helpers/storage/strict-s3.ts'
import { bareEnvironment } from '../../helpers/children/bare-environment.ts'

const MAIN = resolve(import.meta.dirname, '../../../runtime/main.ts')
const KEY = 'only-for-this-test'

let dir: string
let files: string[]
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'submit-'))
  const [video, audio] = ['a face.mp4', 'speech.wav'].map((name) => join(dir, name))
  for (const file of [video!, audio!]) await writeFile(file, Buffer.alloc(20_000, file))
  files = ['--video', video!, '--audio', audio!]
})
afterAll(() => rm(dir, { recursive: true }))

/** `musetalk-worker submit`, as somebody types it. */
function submit(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, 'submit', ...args], {
    ...{
      env: { ...bareEnvironment(), HOME: dir, ...env },
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  })
  const ended = Promise.all([
    once(child, 'exit').then(([status]) => status as number),
    text(child.stdout),
    text(child.stderr),
  ] as const).then(([status, stdout, stderr]) => ({ status, stdout, stderr }))
  let said = ''
  child.stderr.on('data', (more) => (said += String(more)))
  return {
    ended,
    interrupt: () => child.kill('SIGINT'),
    says: (words: string) => expect.poll(() => said).toContain(words),
  }
}

const endless = ['--crf', String(ENDLESS)]
const canceled = { status: 130, stderr: expect.stringContaining('CANCELED: interrupted') }

describe('to a worker', () => {
  test('sends the files, follows the job, and fetches the result', async () => {
    await using w = await pushServer({ API_KEY: KEY })
    const out = join(dir, 'talking.mp4')
    const args = ['--worker', w.url, ...files, '--out', out]
    const { status, stdout, stderr } = await submit(args, { API_KEY: KEY }).ended
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: `${out}\n` })
    expect(await readFile(out)).toEqual(VIDEO)
    expect(stderr).toMatch(/ % sending a face\.mp4\n[^]* is with the worker at [^]*100 % succeeded/)
    expect(w.renders).toHaveLength(1)
  })

  test('says what is wrong as run does', async () => {
    await using w = await pushServer({ API_KEY: KEY })
    const { status, stdout } = await submit(['--worker', w.url, '--json', ...files]).ended
    expect([status, JSON.parse(stdout)]).toMatchObject([2, { code: 'UNAUTHORIZED' }])
  })

  test('cancels the job at Ctrl-C', async () => {
    await using w = await pushServer()
    const { ended, interrupt } = submit(['--worker', w.url, ...files, ...endless])
    await expect.poll(() => w.renders.length).toBe(1)
    interrupt()
    expect(await ended).toMatchObject(canceled)
    const { jobs } = (await (await fetch(`${w.url}/jobs`)).json()) as { jobs: unknown[] }
    expect(jobs).toMatchObject([{ status: 'canceled' }])
  })
})

const bucketOf = (s3: StrictS3) => ({
  ...{ STORAGE: 's3', S3_ENDPOINT: s3.origin, S3_BUCKET: 'bucket' },
  ...{ S3_KEY_ID: KEYS.keyId, S3_SECRET: KEYS.secret },
})

describe('to an endpoint of RunPod', () => {
  /** A worker of ours answers as RunPod does. */
  const env = (url: string) => ({ RUNPOD_ENDPOINT_BASE_URL: `${url}/v2`, RUNPOD_API_KEY: KEY })

  test('sends the files by the bucket, and leaves nothing of them there', async () => {
    await using s3 = await strictS3()
    await using w = await pushServer({ ...bucketOf(s3), API_KEY: KEY })
    const args = ['--runpod', 'ep1', ...files, '--json']
    const { status, stdout, stderr } = await submit(args, { ...env(w.url), ...bucketOf(s3) }).ended
    expect(status, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ status: 'succeeded', bytes: VIDEO.length })
    const sent = s3.operations.filter(
      ({ name, key }) => name === 'put' && key.startsWith('submitted'),
    )
    expect(sent.map(({ key }) => key.split('/').at(-1))).toEqual(['a_face.mp4', 'speech.wav'])
    expect([...s3.objects.keys()].filter((key) => key.startsWith('submitted'))).toEqual([])
  })

  test('cancels the job at Ctrl-C', async () => {
    await using w = await pushServer({ API_KEY: KEY })
    const job = join(dir, 'job.json')
    await writeFile(job, JSON.stringify(w.endless))
    const { ended, interrupt } = submit(['--runpod', 'ep1', '--job', job], env(w.url))
    await expect.poll(() => w.renders.length).toBe(1)
    interrupt()
    expect(await ended).toMatchObject(canceled)
    const headers = { authorization: `Bearer ${KEY}` }
    const { jobs } = (await (await fetch(`${w.url}/jobs`, { headers })).json()) as { jobs: unknown }
    expect(jobs).toMatchObject([{ status: 'canceled' }])
  })
})

describe.skipIf(!hasRedis)('into a BullMQ queue (needs redis-server)', () => {
  test('sends the files by the bucket, and follows the job', async () => {
    await using redis = await redisServer()
    await using s3 = await strictS3()
    const env = { ...bucketOf(s3), REDIS_URL: redis.url }
    await using w = await pushServer({ ...env, WORKER_ID: 'w1' })
    const { status, stdout, stderr } = await submit(files, env).ended
    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/^http/)
    expect(stderr).toContain('is with the queue "musetalk"')
    expect(w.renders).toHaveLength(1)
    expect([...s3.objects.keys()].filter((key) => key.startsWith('submitted'))).toEqual([])
  })

  test('cancels at Ctrl-C a job that runs, and one that waits', async () => {
    await using redis = await redisServer()
    const fast = { REDIS_URL: redis.url, WORKER_ID: 'w1', BULLMQ_LOCK_SEC: '1', CONCURRENCY: '1' }
    await using w = await pushServer(fast)
    const job = join(dir, 'endless.json')
    await writeFile(job, JSON.stringify(w.endless))
    const first = submit(['--redis', redis.url, '--job', job])
    await expect.poll(() => w.renders.length).toBe(1)
    first.interrupt()
    expect(await first.ended).toMatchObject(canceled)
    await expect.poll(() => w.logged.some(({ event }) => event === 'lease.given_up')).toBe(true)
    const second = submit(['--redis', redis.url, '--queue', 'unattended', '--job', job])
    await second.says('is with the queue "unattended"')
    const client = new Redis(redis.url)
    expect(await client.llen('bull:unattended:wait')).toBe(1)
    second.interrupt()
    expect(await second.ended).toMatchObject(canceled)
    expect(await client.llen('bull:unattended:wait')).toBe(0)
    client.disconnect()
  })
})
