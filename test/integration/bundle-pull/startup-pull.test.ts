import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../../handler/log.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import { deferPool } from '../../../runtime/engine/deferred-pool.ts'
import { startPull } from '../../../runtime/worker/startup-pull.ts'
import { startFakeHub, type FakeHub } from '../../helpers/hub/fake-hub.ts'
import { hubFiles, smallRecipe, TOTAL_BYTES } from '../../helpers/hub/small-recipe.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'
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
function pulling(changes: Record<string, string> = {}) {
  const pull = startPull(config(changes), {
    ...{ signal: AbortSignal.timeout(300_000), log: silentLog },
    open: async () => smallRecipe(),
  })!
  return { pull: pull.status, engines: deferPool(1, pull.done, pretendedEngine), whole: pull }
}

const get = async (url: string) => {
  const answer = await fetch(url)
  return { status: answer.status, body: (await answer.json()) as Record<string, any> }
}

test('probes are answered while the bundle comes, and jobs wait for it', async () => {
  await using worker = await pushServer({}, pulling())
  await expect
    .poll(async () => (await get(`${worker.url}/health`)).body['pull']?.phase)
    .toBe('download')
  expect(await get(`${worker.url}/health`)).toMatchObject({
    status: 200,
    body: {
      ...{ state: 'starting', bundle: null, engines: [{ state: 'starting' }] },
      pull: { phase: 'download', file: 'net/unet.pth', bytes_total: TOTAL_BYTES },
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
