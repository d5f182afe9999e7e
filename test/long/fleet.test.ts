import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JobResult } from '../../handler/events/job-events.ts'
import { folder, makeSound, testFfmpeg } from '../helpers/media/media.ts'
import { hasRedis, redisServer } from '../helpers/redis/server.ts'
import { startServe } from '../helpers/servers/serve.ts'
import { KEYS } from '../helpers/storage/strict-s3.ts'
import { VERSITYGW, versitygw } from '../helpers/storage/versitygw.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const { PATH = '' } = process.env
const canRun = process.env['FLEET_TEST'] !== undefined && hasRedis && VERSITYGW !== undefined

/** The page of deploy/fleet, installed as its image does it. @returns where it is */
async function startQueueBoard(dir: string, redisUrl: string): Promise<string> {
  const board = join(dir, 'queue-board')
  await cp(join(root, 'deploy/fleet/queue-board'), board, { recursive: true })
  await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit'], { cwd: board })
  const env = { PATH, REDIS_URL: redisUrl, PORT: '0' }
  const server = spawn(process.execPath, ['server.mjs'], { cwd: board, env })
  onTestFinished(async () => {
    const ended = once(server, 'exit')
    server.kill('SIGTERM')
    await ended
  })
  const [line] = (await once(createInterface(server.stdout), 'line')) as [string]
  return `http://127.0.0.1:${/\d+$/.exec(line)![0]}`
}

// What deploy/fleet/compose.yaml starts, as processes: .ci/long asks for it.
describe.skipIf(!canRun)('a fleet (needs redis-server and versitygw)', () => {
  test('of two workers does what is submitted, and its page and numbers tell of it', async () => {
    await using dir = await folder()
    await using redis = await redisServer()
    await using s3 = await versitygw()
    const store = {
      ...{ STORAGE: 's3', S3_ENDPOINT: s3.endpoint, S3_BUCKET: 'bucket' },
      ...{ S3_KEY_ID: KEYS.keyId, S3_SECRET: KEYS.secret, S3_ADDRESSING_STYLE: 'path' },
    }
    const env = { ...store, REDIS_URL: redis.url, ALLOW_PRIVATE_URLS: 'true' }
    await using _one = await startServe({ ...env, WORKER_ID: 'one' }, 'start')
    await using _two = await startServe({ ...env, WORKER_ID: 'two' }, 'start')
    const board = await startQueueBoard(dir.path, redis.url)
    const speech = await makeSound(await testFfmpeg(), dir.file('speech.wav'), 1)
    const submit = async (): Promise<JobResult> => {
      const files = ['--video', join(root, 'demo/portrait.png'), '--audio', speech]
      const args = [join(root, 'runtime/main.ts'), 'submit', ...files, '--json']
      const own = { PATH, HOME: dir.path, ...env }
      const { stdout } = await run(process.execPath, args, { env: own, cwd: dir.path })
      return JSON.parse(stdout) as JobResult
    }
    for (const { output_url, sha256, frames } of await Promise.all([1, 2, 3].map(submit))) {
      const bytes = await (await fetch(output_url)).bytes()
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
      expect(frames).toBe(25)
    }
    const metrics = await (await fetch(`${board}/metrics`)).text()
    expect(metrics).toContain('bullmq_job_count{queue="musetalk", state="completed"} 3')
    expect((await fetch(board)).status).toBe(200)
    const credentials = { accessKeyId: KEYS.keyId, secretAccessKey: KEYS.secret }
    const client = new S3Client({
      ...{ endpoint: s3.endpoint, region: 'us-east-1', credentials, forcePathStyle: true },
    })
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'bucket' }))
    expect(Contents.filter(({ Key }) => Key!.startsWith('submitted/'))).toEqual([])
  }, 300_000)
})
