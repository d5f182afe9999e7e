import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { WorkerError } from '../../../handler/errors.ts'
import type { Render, RenderReport } from '../../../handler/render/render-task.ts'
import type { RenderPool } from '../../../runtime/engine/pool.ts'
import { folder } from '../../helpers/media/media.ts'
import { hasRedis, redisServer } from '../../helpers/redis/server.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'
import { pretendedEngine, pushServer } from '../../helpers/servers/worker-server.ts'

const FRAMES = 1000 // 40 s
const STAGES = { probe: 0, speech: 0, avatar: 0, generate: 0, composite: 0, encode: 0 }
const ID = 'lecture'

/** An engine that writes which frames it would draw, holds where it is told to, and says so. */
function partEngine(hold: (from: number, signal: AbortSignal) => Promise<void> = async () => {}) {
  const drawn: number[] = []
  let busy = 0
  const render: Render = async ({ split, output }, { signal, onProgress }) => {
    busy++
    try {
      const report = (more: Partial<RenderReport>): RenderReport => ({
        ...{ width: 2, height: 2, fps: 25, frames: FRAMES, duration_sec: 40 },
        ...{ frames_without_face: 0, encoder: 'none', peak_memory_mb: 0, stage_times: STAGES },
        bundle: { name: 'pretended', version: '0', id: '0' },
        ...more,
      })
      switch (split?.do) {
        case 'measure':
          return report({ split: { sourceFrames: FRAMES } })
        case 'draw': {
          const { from, to, total } = split
          drawn.push(from)
          await hold(from, signal)
          signal.throwIfAborted()
          onProgress(to - from, to - from)
          await writeFile(output, `${from}-${to} `)
          const joint = (at: number) => ({ pictures: at, boxes: [] })
          const part = {
            faces: [{ withoutFace: 0, firstShown: to - from }],
            first: joint(from),
            ...(to < total && { next: joint(to) }),
          }
          return report({ frames: to - from, split: { part } })
        }
        case 'join': {
          const parts = await Promise.all(split.parts.map((file) => readFile(file, 'utf8')))
          await writeFile(output, parts.join(''))
          return report({})
        }
        case undefined:
          throw new Error('all of it at once')
      }
    } finally {
      busy--
    }
  }
  const engine: RenderPool = {
    ...pretendedEngine(),
    render,
    status: () =>
      pretendedEngine()
        .status()
        .map((one) => ({ ...one, state: busy > 0 ? 'busy' : 'ready' })),
  }
  return { engine, drawn }
}

/**
 * Redis, a store that all workers share, and as many workers as there are engines.
 * @param lockS a worker that stands still for longer, as on a busy machine, loses its jobs
 */
async function fleet(engines: RenderPool[], lockS = 30) {
  await using opened = new AsyncDisposableStack()
  const redis = opened.use(await redisServer())
  const store = opened.use(await folder())
  const media = opened.use(await webServer((_, response) => void response.end(Buffer.alloc(1000))))
  const inputs = { video_url: media.url('/video'), audio_url: media.url('/audio') }
  const workers: Awaited<ReturnType<typeof pushServer>>[] = []
  const start = async (engine: RenderPool) => {
    const env = {
      REDIS_URL: redis.url,
      WORKER_ID: `w${workers.length}`,
      BULLMQ_LOCK_SEC: `${lockS}`,
    }
    const server = await pushServer({ ...env, OUTPUT_DIR: store.path }, { engines: engine })
    workers.push(server)
    return server
  }
  for (const engine of engines) opened.use(await start(engine))
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
  const queue = new Queue('musetalk', { connection })
  opened.defer(async () => {
    await queue.close()
    connection.disconnect()
  })
  const open = opened.move()
  return {
    ...{ queue, connection, start },
    add: () => queue.add('render', { ...inputs, split: { seconds: 10 }, id: ID }),
    state: async (id: string) => (await queue.getJob(id))?.getState(),
    stored: async () => {
      const names = await readdir(store.path, { recursive: true, withFileTypes: true })
      return names
        .filter((one) => one.isFile() && !one.name.endsWith('.json'))
        .map(({ name }) => name)
    },
    result: () => readFile(join(store.path, `${ID}.mp4`), 'utf8'),
    /** Jobs in whatever state. */
    left: async () => (await connection.keys('bull:musetalk:*part-*')).length,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

const WHOLE = '0-256 256-512 512-736 736-1000 '

describe.skipIf(!hasRedis)('a long job of a BullMQ queue (needs redis-server)', () => {
  test('is drawn by all workers in parts, of which nothing is left', async () => {
    const { promise: both, resolve } = Promise.withResolvers<void>()
    const seen = new Set<number>()
    // Nobody gets on before two have begun.
    const hold = (worker: number) => async () => {
      seen.add(worker)
      if (seen.size === 2) resolve()
      await both
    }
    const [one, two] = [partEngine(hold(0)), partEngine(hold(1))]
    await using f = await fleet([one.engine, two.engine])
    const { id } = await f.add()
    await expect.poll(() => f.state(id!)).toBe('completed')
    expect(await f.result()).toBe(WHOLE)
    expect([...one.drawn, ...two.drawn].toSorted((a, b) => a - b)).toEqual([0, 256, 512, 736])
    expect((await f.queue.getJob(id!))!.returnvalue).toMatchObject({ frames: FRAMES })
    expect(await f.stored()).toEqual([`${ID}.mp4`])
    expect(await f.left()).toBe(0)
  })

  test('is drawn by one worker alone where there is no other', async () => {
    const one = partEngine()
    await using f = await fleet([one.engine])
    const { id } = await f.add()
    await expect.poll(() => f.state(id!)).toBe('completed')
    expect(await f.result()).toBe(WHOLE)
    expect(await f.stored()).toEqual([`${ID}.mp4`])
    expect(await f.left()).toBe(0)
  })

  test('that is removed stops all workers, and nothing is left', async () => {
    const stops: number[] = []
    const hold = (worker: number) => (_from: number, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          stops.push(worker)
          resolve()
        })
      })
    const [one, two] = [partEngine(hold(0)), partEngine(hold(1))]
    await using f = await fleet([one.engine, two.engine], 1)
    const { id } = await f.add()
    await expect.poll(() => Math.min(one.drawn.length, two.drawn.length)).toBeGreaterThan(0)
    await f.connection.del(`bull:musetalk:${id}:lock`)
    await f.queue.remove(id!)
    await expect.poll(() => new Set(stops).size).toBe(2)
    await expect.poll(() => f.left()).toBe(0)
    expect(await f.stored()).toEqual([])
  })

  test('that loses its worker is finished by another', async () => {
    const hold = (_from: number, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    const [one, two] = [partEngine(hold), partEngine()]
    await using f = await fleet([])
    let id: string
    {
      await using _first = await f.start(one.engine)
      id = (await f.add()).id!
      await expect.poll(() => one.drawn.length).toBeGreaterThan(0)
    }
    expect(await f.state(id)).toBe('waiting')
    await using _second = await f.start(two.engine)
    await expect.poll(() => f.state(id)).toBe('completed')
    expect(await f.result()).toBe(WHOLE)
    expect(await f.stored()).toEqual([`${ID}.mp4`])
    expect(await f.left()).toBe(0)
  })

  test('gets on where a part has failed: that part alone is drawn once more', async () => {
    let failures = 1
    const hold = async (from: number) => {
      if (from === 256 && failures-- > 0) throw new WorkerError('ENGINE_LOST', 'for the test')
    }
    const [one, two] = [partEngine(hold), partEngine(hold)]
    await using f = await fleet([one.engine, two.engine])
    const { id } = await f.add()
    await expect.poll(() => f.state(id!)).toMatch(/completed|failed/)
    const all = [...one.drawn, ...two.drawn].toSorted((a, b) => a - b)
    expect(all).toEqual([0, 256, 256, 512, 736])
    expect(await f.result()).toBe(WHOLE)
    expect(await f.stored()).toEqual([`${ID}.mp4`])
    expect(await f.left()).toBe(0)
  })
})
