import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WorkerError } from '../../../handler/errors.ts'
import type { RenderPool } from '../../../runtime/engine/pool.ts'
import { folder, makeSound, makeVideo, testFfmpeg } from '../../helpers/media/media.ts'
import { hasRedis, redisServer, type RedisServer } from '../../helpers/redis/server.ts'
import { pretendedEngine, pushServer } from '../../helpers/servers/worker-server.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'
import { bareEnvironment } from '../../helpers/children/bare-environment.ts'

const child = (name: string) => join(import.meta.dirname, `../../helpers/children/${name}.child.ts`)
/** A lock that is lost within a test, where its worker is. */
const FAST = { BULLMQ_LOCK_SEC: '1' }

function worker(redis: RedisServer, env: Record<string, string> = {}, engines?: RenderPool) {
  const where = { REDIS_URL: redis.url, WORKER_ID: 'w1', ...FAST }
  return pushServer({ ...where, ...env }, engines && { engines })
}

function openQueue({ url }: RedisServer) {
  const connection = new Redis(url, { maxRetriesPerRequest: null })
  connection.on('error', () => {}) // the server is killed in some tests
  const queue = new Queue('musetalk', { connection })
  queue.on('error', () => {})
  return {
    ...{ queue, connection },
    state: async (id: string) => (await queue.getJob(id))?.getState(),
    async [Symbol.asyncDispose]() {
      await queue.close().catch(() => {})
      connection.disconnect()
    },
  }
}

/** Resolves when a worker has asked for a job so many times more. */
async function polls({ url }: RedisServer, times: number): Promise<void> {
  const connection = new Redis(url)
  await connection.config('SET', 'slowlog-max-len', '100000', 'slowlog-log-slower-than', '0')
  const takes = async () => {
    const commands = (await connection.slowlog('GET', -1)) as [
      id: number,
      at: number,
      us: number,
      args: string[],
    ][]
    // The limiter's key is one that only the script which takes a job has.
    return commands.filter(([, , , args]) => args.includes('bull:musetalk:limiter')).length
  }
  await expect.poll(takes, { interval: 250 }).toBeGreaterThanOrEqual(times)
  connection.disconnect()
}

describe.skipIf(!hasRedis)('jobs of a BullMQ queue (needs redis-server)', () => {
  test('of another process, which sees their progress and result', async () => {
    await using redis = await redisServer()
    await using w = await worker(redis)
    const producer = spawn(
      process.execPath,
      [child('bullmq-producer'), redis.url, JSON.stringify(w.job)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const lines: Record<string, unknown>[] = []
    for await (const line of createInterface(producer.stdout)) lines.push(JSON.parse(line))
    expect(lines.at(-1)).toMatchObject({ result: { output_url: expect.stringMatching(/^http/) } })
    expect(lines.find(({ progress }) => progress)).toMatchObject({
      progress: { phase: expect.any(String), progress: expect.any(Number) },
    })
  })

  test('fail with the typed error; what no retry can mend is not tried again', async () => {
    await using redis = await redisServer()
    await using _w = await worker(redis)
    await using q = openQueue(redis)
    const { id } = await q.queue.add('render', { video_url: 'x' }, { attempts: 3 })
    await expect.poll(() => q.state(id!)).toBe('failed')
    const job = await q.queue.getJob(id!)
    expect(JSON.parse(job!.failedReason)).toMatchObject({ code: 'INVALID_JOB', retryable: false })
    expect(job!.attemptsMade).toBe(1)
  })

  test('are tried again, as often as BullMQ is told, where a retry can help', async () => {
    await using redis = await redisServer()
    const render = () => Promise.reject(new WorkerError('ENGINE_LOST', 'as in a bad dream'))
    await using w = await worker(redis, {}, { ...pretendedEngine(), render })
    await using q = openQueue(redis)
    const { id } = await q.queue.add('render', w.job, { attempts: 2, backoff: 50 })
    await expect.poll(() => q.state(id!)).toBe('failed')
    const job = await q.queue.getJob(id!)
    expect(JSON.parse(job!.failedReason)).toMatchObject({ code: 'ENGINE_LOST', retryable: true })
    expect(job!.attemptsMade).toBe(2)
  })

  test('that are added again are done once: waiting, done, and forgotten', async () => {
    await using redis = await redisServer()
    await using q = openQueue(redis)
    await using w = await worker(redis)
    const add = async () => (await q.queue.add('render', w.job, { jobId: 'order' })).id!
    await q.queue.pause()
    expect(await add()).toBe(await add())
    expect(await q.queue.count()).toBe(1)
    await q.queue.resume()
    await expect.poll(() => q.state('order')).toBe('completed')
    const { output_url } = (await q.queue.getJob('order'))!.returnvalue
    await add()
    expect(await q.state('order')).toBe('completed')
    // What Redis no longer knows is found where results are.
    await q.queue.remove('order')
    await add()
    await expect.poll(() => q.state('order')).toBe('completed')
    expect((await q.queue.getJob('order'))!.returnvalue).toMatchObject({ output_url })
    expect(w.renders).toHaveLength(1)
  })

  test('that were lost with their workers too often fail, and not as if they were wrong', async () => {
    await using redis = await redisServer()
    await using q = openQueue(redis)
    await q.queue.pause()
    await using w = await worker(redis)
    const { id } = await q.queue.add('render', w.job, { attempts: 3 })
    // What BullMQ notes when it gives a job up.
    const given = 'job stalled more than allowable limit'
    await q.connection.hset(`bull:musetalk:${id}`, 'defa', given)
    await q.queue.resume()
    await expect.poll(() => q.state(id!)).toBe('failed')
    const failure = JSON.parse((await q.queue.getJob(id!))!.failedReason)
    expect(failure).toEqual({ code: 'ENGINE_LOST', message: given, retryable: false })
    expect(w.renders).toEqual([])
  })

  test('that are removed are stopped', async () => {
    await using redis = await redisServer()
    await using w = await worker(redis)
    await using q = openQueue(redis)
    const { id } = await q.queue.add('render', w.endless)
    await expect.poll(() => w.renders.length).toBe(1)
    await q.connection.del(`bull:musetalk:${id}:lock`)
    await q.queue.remove(id!)
    await expect
      .poll(() => w.logged.filter(({ event }) => event === 'lease.given_up').length)
      .toBe(1)
    expect(await q.queue.getJobCounts()).toMatchObject({ active: 0, failed: 0, completed: 0 })
  })

  test('are handed back when the worker is stopped, and cost no attempt', async () => {
    await using redis = await redisServer()
    await using q = openQueue(redis)
    let id: string
    {
      await using w = await worker(redis)
      id = (await q.queue.add('render', w.endless)).id!
      await expect.poll(() => w.renders.length).toBe(1)
    }
    expect(await q.state(id)).toBe('waiting')
    expect((await q.queue.getJob(id))!.attemptsMade).toBe(0)
  })

  test('end while Redis is away, and are told when it is back', async () => {
    await using redis = await redisServer()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    await using media = await webServer(async (_request, response) => {
      await released
      response.end(Buffer.alloc(1000))
    })
    await using w = await worker(redis)
    await using q = openQueue(redis)
    const input = media.url('/media')
    const { id } = await q.queue.add('render', { video_url: input, audio_url: input })
    await expect.poll(() => media.seen.length).toBeGreaterThan(0)
    await redis.kill()
    release()
    await expect
      .poll(() => w.logged.filter(({ event }) => event === 'outcome.undelivered').length)
      .toBeGreaterThan(0)
    await redis.start()
    await expect.poll(() => q.state(id!)).toBe('completed')
    expect(w.renders).toHaveLength(1)
  })

  test('are finished once by another worker where one is killed in the middle of a render', async () => {
    await using redis = await redisServer()
    await using q = openQueue(redis)
    await using dir = await folder()
    const ffmpeg = await testFfmpeg()
    await makeVideo(ffmpeg, dir.file('face.mp4'), {
      width: 96,
      height: 72,
      faces: () => [[28, 8, 68, 48]],
    })
    await makeSound(ffmpeg, dir.file('voice.wav'), 1)
    await using media = await webServer(async ({ url }, response) => {
      response.end(await readFile(dir.file(basename(url!))))
    })
    const start = (name: string, more: Record<string, string> = {}) => {
      const { FFMPEG_PATH } = process.env
      const env = {
        ...{ ...bareEnvironment(), HOME: dir.path, HOST: '127.0.0.1', PORT: '0', ...FAST, ...more },
        ...(FFMPEG_PATH && { FFMPEG_PATH }),
        ...{ REDIS_URL: redis.url, WORKER_ID: name, STORAGE: 'directory' },
        ...{ SCRATCH_DIR: dir.file(`${name}-scratch`), STATE_DIR: dir.file(`${name}-state`) },
        ...{ CACHE_DIR: dir.file(`${name}-cache`), OUTPUT_DIR: dir.file('out') },
      }
      const body = spawn(process.execPath, [child('pull-worker')], { env, stdio: 'ignore' })
      onTestFinished(() => void body.kill('SIGKILL'))
      return { body, ended: once(body, 'exit') }
    }
    const doomed = start('doomed', { HOLD_AFTER_RUNS: '2' })
    const urls = { video_url: media.url('/face.mp4'), audio_url: media.url('/voice.wav') }
    const { id } = await q.queue.add('render', urls)
    const job = async () => (await q.queue.getJob(id!))!
    const drawn = async () => Object(Object((await job()).progress).metrics).frames_done
    await expect.poll(async () => (await job()).processedBy).toBe('doomed')
    const other = start('other')
    await expect.poll(drawn).toBeGreaterThan(0)
    doomed.body.kill('SIGKILL')
    await doomed.ended
    await expect.poll(() => q.state(id!)).toBe('completed')
    const { returnvalue, processedBy, stalledCounter, attemptsMade } = await job()
    expect({ processedBy, stalledCounter, attemptsMade }).toEqual({
      ...{ processedBy: 'other', stalledCounter: 1, attemptsMade: 1 },
    })
    expect(returnvalue).toMatchObject({ frames: 25, deduplicated: false })
    other.body.kill('SIGTERM')
    expect(await other.ended).toEqual([0, null])
    const stored = (await readdir(dir.file('out'))).filter((name) => !name.endsWith('.json'))
    expect(stored).toEqual([`${id}.mp4`])
  })

  test('keep their lock while the main thread is blocked', async () => {
    await using redis = await redisServer()
    await using q = openQueue(redis)
    const dir = await mkdtemp(join(tmpdir(), 'lock-'))
    const key = 'bull:musetalk:1:lock'
    await q.connection.set(key, 'mine', 'PX', 60_000) // until the process has started
    const lock = { queueKey: 'bull:musetalk', workerId: 'w1', lockMs: 3_000 }
    const options = JSON.stringify({ ...lock, redis: { urls: [redis.url] } })
    const busy = spawn(
      process.execPath,
      [child('lock-blocked-main-thread'), options, join(dir, 'end')],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const ended = once(busy, 'exit')
    onTestFinished(() => void busy.kill('SIGKILL'))
    await once(busy.stdout, 'data')
    // Each renewal puts the time that is left up again: seen four times, which is longer than one life.
    let [rises, last] = [0, 0]
    await expect
      .poll(
        async () => {
          const left = await q.connection.pttl(key)
          if (left > last) rises++
          last = left
          return rises
        },
        { interval: 20 },
      )
      .toBeGreaterThan(4)
    expect(await q.connection.get(key)).toBe('mine')
    await writeFile(join(dir, 'end'), '')
    await ended
    await rm(dir, { recursive: true })
  })

  test('wait while the queue is paused, and go on when it is resumed', async () => {
    await using redis = await redisServer()
    await using q = openQueue(redis)
    await q.queue.pause()
    await using w = await worker(redis)
    const { id } = await q.queue.add('render', w.job)
    await polls(redis, 2)
    expect(await q.state(id!)).toBe('waiting')
    expect(w.renders).toEqual([])
    await q.queue.resume()
    await expect.poll(() => q.state(id!)).toBe('completed')
  })

  test('are taken by their priority', async () => {
    await using redis = await redisServer()
    await using q = openQueue(redis)
    const given = { 'a-3': 3, 'b-1': 1, 'c-2': 2, 'd-first': undefined }
    await q.queue.pause()
    await using w = await worker(redis, { CONCURRENCY: '1' })
    for (const [jobId, priority] of Object.entries(given)) {
      await q.queue.add('render', w.job, { jobId, ...(priority && { priority }) })
    }
    await q.queue.resume()
    await expect.poll(async () => (await q.queue.getJobCounts('completed'))['completed']).toBe(4)
    const order = w.logged
      .filter(({ event }) => event === 'job.started')
      .map(({ fields }) => fields['job'])
    expect(order).toEqual(['d-first', 'b-1', 'c-2', 'a-3'])
  })

  test('are not taken faster than the queue allows', async () => {
    await using redis = await redisServer()
    await using q = openQueue(redis)
    await q.queue.setGlobalRateLimit(1, 2_000)
    await using w = await worker(redis)
    const ids = await Promise.all([1, 2].map(async () => (await q.queue.add('render', w.job)).id!))
    for (const id of ids) await expect.poll(() => q.state(id)).toBe('completed')
    const [first, second] = await Promise.all(ids.map(async (id) => (await q.queue.getJob(id))!))
    expect(second!.processedOn! - first!.processedOn!).toBeGreaterThan(1_900)
  })
})
