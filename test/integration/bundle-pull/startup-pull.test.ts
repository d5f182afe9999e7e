import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../../handler/log.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import { freeBytes } from '../../../runtime/bundle-pull/disk-space.ts'
import { deferPool } from '../../../runtime/engine/deferred-pool.ts'
import type { PullStatus } from '../../../runtime/http/app-options.ts'
import { startPull } from '../../../runtime/worker/startup-pull.ts'
import { bareEnvironment } from '../../helpers/children/bare-environment.ts'
import { startFakeHub, type FakeHub } from '../../helpers/hub/fake-hub.ts'
import { CONTENTS, hubFiles, smallRecipe, TOTAL_BYTES } from '../../helpers/hub/small-recipe.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'
import { ended, pullWorker } from '../../helpers/orchestrator/pull-worker.ts'
import { startOrchestrator } from '../../helpers/orchestrator/server.ts'
import { hasRedis, redisServer } from '../../helpers/redis/server.ts'
import { runpodPlatform } from '../../helpers/runpod/platform.ts'
import { runpodWorker } from '../../helpers/runpod/worker.ts'
import { pretendedEngine, pushServer } from '../../helpers/servers/worker-server.ts'

let place: Folder
let hub: FakeHub
let open: () => void
beforeEach(async () => {
  place = await folder()
  hub = await startFakeHub(hubFiles())
  const { promise, resolve } = Promise.withResolvers<void>()
  hub.gate = promise
  open = resolve
})
afterEach(async () => {
  await hub[Symbol.asyncDispose]()
  await place[Symbol.asyncDispose]()
})

const config = (changes: Record<string, string> = {}) =>
  readConfig({
    ...{ MODEL_BUNDLE: 'musetalk-v1.5', BUNDLE_PULL: 'true', DEVICE: 'cpu' },
    ...{ BUNDLES_DIR: place.file('bundles'), CACHE_DIR: place.file('cache') },
    ...{ HF_ENDPOINT: hub.endpoint, HF_HOME: place.file('hf') },
    ...changes,
  })

/** What a worker is given whose bundle has to come first. */
function pulling(recipe = smallRecipe()) {
  const pull = startPull(config(), {
    ...{ signal: AbortSignal.timeout(300_000), log: silentLog },
    open: async () => recipe,
  })!
  return { pull: pull.status, engines: deferPool(1, pull.done, pretendedEngine), whole: pull }
}

const get = async (url: string) => {
  const answer = await fetch(url)
  return { status: answer.status, body: (await answer.json()) as Record<string, any> }
}

/** Until the gate is opened a file has come that the hub sends by itself, and no other. */
const SMALL = CONTENTS['net/unet.json']!.length
const pullOf = async (worker: { url: string }) =>
  (await get(`${worker.url}/health`)).body['pull'] as PullStatus | undefined
const downloading = (worker: { url: string }) =>
  expect.poll(async () => (await pullOf(worker))?.bytes).toBe(SMALL)

test('probes are answered while the bundle comes, and jobs wait for it', async () => {
  const recipe = smallRecipe()
  const { promise: filled, resolve: fillOn } = Promise.withResolvers<void>()
  recipe.halfway = () => filled
  await using worker = await pushServer({}, pulling(recipe))
  await downloading(worker)
  expect(await get(`${worker.url}/health`)).toMatchObject({
    status: 200,
    body: {
      ...{ state: 'starting', bundle: null, engines: [{ state: 'starting' }] },
      pull: {
        ...{ phase: 'download', file: 'net/unet.pth', bytes: SMALL, bytes_total: TOTAL_BYTES },
        eta_sec: expect.any(Number),
      },
    },
  })
  expect(await get(`${worker.url}/ready`)).toMatchObject({
    status: 503,
    body: { state: 'starting' },
  })
  expect((await fetch(`${worker.url}/ping`)).status).toBe(204)
  const job = { method: 'POST', body: JSON.stringify(worker.job) }
  const answer = fetch(`${worker.url}/generate`, job)
  open()
  await expect.poll(() => pullOf(worker)).toMatchObject({ phase: 'fill', bytes: 1, bytes_total: 2 })
  expect((await get(`${worker.url}/ready`)).status).toBe(503)
  fillOn()
  expect((await answer).status).toBe(200)
  expect((await get(`${worker.url}/ready`)).status).toBe(200)
  expect((await get(`${worker.url}/health`)).body).not.toHaveProperty('pull')
})

test("RunPod's queue is not asked before the bundle is there", async () => {
  await using platform = await runpodPlatform()
  platform.hand({
    id: 'early',
    input: { video: 'https://media.test/v', audio: 'https://media.test/a' },
  })
  await using worker = await runpodWorker(platform, { RUNPOD_PING_INTERVAL: '1000' }, pulling())
  await platform.recorder.until(() => platform.recorder.of('ping').length > 1, 'two pings')
  expect(platform.recorder.of('take')).toEqual([])
  open()
  await platform.recorder.until(() => platform.recorder.of('take').length > 0, 'a poll')
  expect(worker.logged.map(({ event }) => event)).toContain('worker.ready')
})

test('an orchestrator hears of a worker that starts, and is not asked before the bundle is there', async () => {
  await using giver = await startOrchestrator()
  await using worker = await pullWorker(giver, {}, pulling())
  giver.submit(worker.job, 'early')
  const asked = (route: string) =>
    giver.record().filter((entry) => entry.kind === 'request' && entry.route === route)
  await giver.until(() => asked('main.heartbeat').length > 0, AbortSignal.timeout(300_000))
  await downloading(worker)
  expect(asked('main.claim')).toEqual([])
  open()
  await ended(giver, 'early')
  expect(giver.jobs.get('early')!.state).toBe('succeeded')
})

test.skipIf(!hasRedis)('nor is a BullMQ queue (needs redis-server)', async () => {
  await using redis = await redisServer()
  const queue = new Queue('musetalk', { connection: { url: redis.url } })
  try {
    const env = { REDIS_URL: redis.url, WORKER_ID: 'w1' }
    await using worker = await pushServer(env, pulling())
    const job = await queue.add('render', worker.job)
    await downloading(worker)
    expect(await job.getState()).toBe('waiting')
    open()
    await expect.poll(() => job.getState()).toBe('completed')
  } finally {
    await queue.close()
  }
})

/** The program itself, which knows nothing of this one's environment. */
function program(command: string, env: Record<string, string>) {
  const main = fileURLToPath(new URL('../../../runtime/main.ts', import.meta.url))
  const folders = ['HOME', 'BUNDLES_DIR', 'CACHE_DIR', 'OUTPUT_DIR', 'SCRATCH_DIR', 'STATE_DIR']
  const places = Object.fromEntries(folders.map((name) => [name, place.file(name)]))
  const pull = { MODEL_BUNDLE: 'musetalk-v1.5', BUNDLE_PULL: 'true', HF_ENDPOINT: hub.endpoint }
  const server = { HOST: '127.0.0.1', PORT: '0', DEVICE: 'cpu', STORAGE: 'directory' }
  const all = { ...bareEnvironment(), ...places, ...pull, ...server, ...env }
  return new Promise<{ status: unknown; stderr: string }>((done) => {
    const options = { env: all, timeout: 240_000 }
    execFile(process.execPath, [main, command], options, (error, _, stderr) =>
      done({ status: error ? error.code : 0, stderr }),
    )
  })
}

/** A pull looks for so much room before it asks anybody. */
const ROOM = 9e9

test.for(['start', 'serve'])(
  '%s ends with the reason where the hub forbids it',
  async (command, { skip }) => {
    if ((await freeBytes(place.path)) < ROOM) return skip('needs 9 GB of free disk')
    hub.fault = () => ({ status: 403 })
    // A file has another source than the hub; it is not to be had either.
    const { status, stderr } = await program(command, { HTTPS_PROXY: hub.endpoint })
    const last = stderr.trimEnd().split('\n').at(-1)
    expect({ status, last }).toEqual({
      status: 2,
      last: expect.stringMatching(/\(403\); set HF_TOKEN/),
    })
    expect(stderr).toContain('ACCESS_DENIED')
  },
)

test('a bundle that cannot be had breaks the worker with the reason', async () => {
  hub.fault = () => ({ status: 403 })
  const { engines, whole } = pulling()
  await expect(whole.done).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  expect(engines.status()).toMatchObject([
    { state: 'broken', reason: expect.stringContaining('HF_TOKEN') },
  ])
  await expect(engines.ready(AbortSignal.timeout(1000))).rejects.toThrow('HF_TOKEN')
  expect(whole.failure()).toMatchObject({ fault: 'caller' })
  expect(whole.status()).toBeUndefined()
})

test('nothing is pulled where a path is named, nobody asks for it, or the bundle is there', async () => {
  const start = (changes: Record<string, string>) =>
    startPull(config(changes), {
      signal: AbortSignal.timeout(300_000),
      log: silentLog,
      open: async () => smallRecipe(),
    })
  expect(start({ BUNDLE_PULL: 'false' })).toBeUndefined()
  expect(start({ MODEL_BUNDLE: place.file('own') })).toBeUndefined()
  expect(start({ MODEL_BUNDLE: 'lite' })).toBeUndefined()
  open()
  await start({})!.done
  expect(start({})).toBeUndefined()
})
