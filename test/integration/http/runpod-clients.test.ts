import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import runpodSdk from 'runpod-sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pushServer } from '../../helpers/servers/worker-server.ts'

type Server = Awaited<ReturnType<typeof pushServer>>
let at: Server
beforeAll(async () => {
  at = await pushServer({ API_KEY: 'the key', QUEUE_LIMIT: '2', CONCURRENCY: '1' })
})
afterAll(() => at[Symbol.asyncDispose]())

describe('the npm client runpod-sdk', () => {
  const endpoint = (key = 'the key') =>
    runpodSdk(key, { baseUrl: `${at.url}/v2` }).endpoint('local')!

  test('runs a job, reads its stream to the end, and gets its status', async () => {
    const { id } = await endpoint().run({ input: at.job })
    const types: string[] = []
    for await (const chunk of endpoint().stream(id)) types.push(chunk.output.type)
    expect(types[0]).toBe('job.started')
    expect(types.at(-1)).toBe('job.succeeded')
    expect(await endpoint().status(id)).toMatchObject({
      ...{ id, status: 'COMPLETED', completed: true, succeeded: true },
      output: { status: 'succeeded', frames: 2 },
    })
  })

  test('waits for a job', async () => {
    const job = await endpoint().runSync({ input: at.job })
    expect(job).toMatchObject({ status: 'COMPLETED', output: { frames: 2 } })
  })

  test('gets an unfinished job back when it has waited long enough, and cancels it', async () => {
    const job = await endpoint().runSync({ input: at.endless }, 1000)
    expect(job.status).toBe('IN_PROGRESS')
    const health = await endpoint().health()
    expect(health).toMatchObject({ jobs: { inProgress: 1 }, workers: { running: 1 } })
    expect(await endpoint().cancel(job.id)).toMatchObject({ status: 'CANCELLED' })
    expect((await endpoint().status(job.id)).status).toBe('CANCELLED')
  })

  test('purges the queue', async () => {
    const running = await endpoint().run({ input: at.endless })
    while ((await endpoint().status(running.id)).status !== 'IN_PROGRESS');
    const waiting = await endpoint().run({ input: at.job })
    expect(await endpoint().purgeQueue()).toMatchObject({ removed: 1, status: 'completed' })
    expect((await endpoint().status(waiting.id)).status).toBe('CANCELLED')
    await endpoint().cancel(running.id)
  })

  test('is told of a failure by a string', async () => {
    const job = await endpoint().runSync({ input: { video_url: 'ftp://media.test/v' } })
    expect(job).toMatchObject({ status: 'FAILED', succeeded: false })
    expect(job).toHaveProperty('error', expect.stringContaining('INVALID_JOB'))
  })

  test('throws where the key is wrong, the queue is full or the id unknown', async () => {
    await expect(endpoint('wrong').run({ input: at.job })).rejects.toThrow()
    await expect(endpoint().status('nobody')).rejects.toThrow()
    const jobs = []
    for (let i = 0; i < 3; i++) jobs.push(await endpoint().run({ input: at.endless }))
    await expect(endpoint().run({ input: at.job })).rejects.toThrow()
    for (const { id } of jobs) await endpoint().cancel(id)
  })
})

const PYTHON = process.env['PYTHON'] ?? 'python3'
const hasClient = (() => {
  try {
    execFileSync(PYTHON, ['-c', 'import runpod'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** One script, because the import alone takes seconds. Prints what it saw. */
const SCRIPT = `
import json, os, sys
import runpod
runpod.api_key = 'the key'
job, endless = json.loads(sys.argv[1])
endpoint = runpod.Endpoint('local')
sync = endpoint.run_sync({'input': job}, timeout=60)
request = endpoint.run({'input': job})
chunks = [chunk for chunk in request.stream()]
output, status = request.output(timeout=60), request.status()
long = endpoint.run(endless)
canceled = long.cancel(), long.status()
health, purged = endpoint.health(), endpoint.purge_queue()
print(json.dumps([sync, chunks, output, status, canceled, health, purged]))
`

describe.skipIf(!hasClient)('the Python client runpod (skipped where it is not installed)', () => {
  test('runs, waits, streams, cancels, asks for health and purges', async () => {
    const env = { ...process.env, RUNPOD_ENDPOINT_BASE_URL: `${at.url}/v2` }
    const jobs = JSON.stringify([at.job, at.endless])
    const { stdout } = await promisify(execFile)(PYTHON, ['-c', SCRIPT, jobs], { env })
    const said = JSON.parse(stdout.trim().split('\n').at(-1)!) as any[]
    const [sync, chunks, output, status, canceled, health, purged] = said
    expect(sync).toMatchObject({ status: 'succeeded', frames: 2 })
    expect(chunks.map(({ type }: { type: string }) => type).at(-1)).toBe('job.succeeded')
    expect([output.frames, status]).toEqual([2, 'COMPLETED'])
    expect(canceled).toEqual([expect.objectContaining({ status: 'CANCELLED' }), 'CANCELLED'])
    expect(health.workers).toHaveProperty('ready', 1)
    expect(purged).toMatchObject({ status: 'completed' })
  })
})
