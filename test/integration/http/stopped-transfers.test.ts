import { readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { pullWorker, reportsOf } from '../../helpers/orchestrator/pull-worker.ts'
import { startOrchestrator } from '../../helpers/orchestrator/server.ts'
import { webServer, type WebServer } from '../../helpers/servers/loopback-server.ts'
import { pushServer } from '../../helpers/servers/worker-server.ts'

/** A server that has nothing, and neither gives an answer to who wants a file nor to who brings one. */
const silentServer = () =>
  webServer(({ method, url = '' }, response) => {
    if (method === 'HEAD' || url.includes('.json')) response.writeHead(404).end()
  })

const storeAt = ({ origin }: WebServer) => ({
  ...{ STORAGE: 's3', S3_ENDPOINT: origin, S3_BUCKET: 'b', S3_KEY_ID: 'k', S3_SECRET: 's' },
})

type Way = [
  doing: string,
  wish: (server: WebServer) => object,
  env: (server: WebServer) => Record<string, string>,
]
const WAYS: Way[] = [
  ['a download', (server) => ({ audio_url: server.url('/speech') }), () => ({})],
  [
    'an upload to a URL of the job',
    (server) => ({ output: { url: server.url('/o') } }),
    () => ({}),
  ],
  ['an upload to the storage', () => ({}), storeAt],
]

/** Until the transfer hangs that the job is to be stopped in. */
const hangs = async ({ seen }: WebServer) => {
  while (!seen.some(({ method, path }) => method !== 'HEAD' && !path.includes('.json'))) {
    await new Promise(setImmediate)
  }
}

describe.each(WAYS)('a worker that is stopped in the middle of %s', (_, wish, env) => {
  test('hands back a job that came by HTTP, and leaves nothing', async () => {
    await using server = await silentServer()
    await using worker = await pushServer(env(server))
    const job = { ...worker.job, id: 'a', ...wish(server) }
    const answer = fetch(`${worker.url}/generate`, { method: 'POST', body: JSON.stringify(job) })
    await hangs(server)
    worker.stopping.soon()
    worker.stopping.now()
    const error = { code: 'SHUTDOWN', retryable: true }
    expect(await (await answer).json()).toMatchObject({ retryable: true, error })
    await worker.stopped
    expect(await readdir(worker.scratch)).toEqual([])
    expect(await readdir(worker.results).catch(() => [])).toEqual([])
  })

  test('tells its orchestrator once, and leaves nothing', async () => {
    await using server = await silentServer()
    await using giver = await startOrchestrator({ maxAttempts: 1 })
    await using worker = await pullWorker(giver, env(server))
    giver.submit({ ...worker.job, ...wish(server) }, 'a')
    await hangs(server)
    worker.stopping.soon()
    worker.stopping.now()
    await worker.stopped
    const ends = reportsOf(giver, 'a').filter(({ status }) => status !== 'running')
    expect(ends).toMatchObject([{ status: 'failed', error_code: 'SHUTDOWN', retryable: true }])
    expect(await readdir(worker.scratch)).toEqual([])
    expect(await readdir(worker.results).catch(() => [])).toEqual([])
  })
})
