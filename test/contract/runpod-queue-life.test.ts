import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ENDLESS } from '../helpers/servers/worker-server.ts'
import { runpodPlatform, type Platform } from '../helpers/runpod/platform.ts'
import { finals, outcome, said, sdkTrace } from '../helpers/runpod/worker.ts'
import { bareEnvironment } from '../helpers/children/bare-environment.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'runpod-'))
  await writeFile(join(dir, 'input'), 'not looked at')
})
afterEach(() => rm(dir, { recursive: true }))

/** A process of its own that takes jobs from the platform. */
function processOf(platform: Platform, program: string[], env: Record<string, string> = {}) {
  const folders = Object.fromEntries(
    ['OUTPUT_DIR', 'SCRATCH_DIR', 'CACHE_DIR', 'STATE_DIR'].map((name) => [name, join(dir, name)]),
  )
  const base = { ...bareEnvironment(), HOME: dir, DRAIN_SEC: '60', PORT: '0' }
  const skip = { HOST: '127.0.0.1', RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: 'true' }
  const [file = '', ...args] = program
  const child = spawn(process.execPath, [at(file), ...args], {
    env: { ...base, ...folders, ...skip, ...platform.env(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  child.stdout.on('data', (text: Buffer) => lines.push(...String(text).trim().split('\n')))
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  return {
    ...{ ended, lines, kill: (name: NodeJS.Signals) => void child.kill(name) },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

const CHILD = '../helpers/children/runpod-worker.child.ts'
const job = (id: string, crf = 17) => {
  const input = join(dir, 'input')
  return { id, input: { video: input, audio: input, output: { crf } } }
}
const polling = ({ recorder }: Platform, count = 1) =>
  recorder.until(() => recorder.of('take').length >= count, 'a poll')
const pinging = ({ recorder }: Platform, id: string, count = 1) =>
  recorder.until(() => {
    const pings = recorder.of('ping').filter(({ query }) => query[0] === `job_id=${id}`)
    return pings.length >= count
  }, 'pings')

test('18. a job that keeps the process busy does not keep it from pinging', async () => {
  await using platform = await runpodPlatform()
  const release = join(dir, 'release')
  await using _worker = processOf(platform, [CHILD, release])
  platform.hand(job('blocks'))
  await pinging(platform, 'blocks', 4)
  expect(finals(platform)).toEqual([])
  await writeFile(release, '')
  await outcome(platform, 'blocks')
})

describe('21. SIGTERM', () => {
  test('ends an idle worker and its open poll at once, with status 0', async () => {
    await using platform = await runpodPlatform({ holdMs: 120_000 }) // longer than a test may take
    await using worker = processOf(platform, [CHILD])
    await polling(platform)
    worker.kill('SIGTERM')
    expect(await worker.ended).toEqual([0, null])
    expect(platform.recorder.of('take')).toHaveLength(1)
  })

  test('lets a worker finish its job, tell it as the SDK does, and end with status 0', async () => {
    await using platform = await runpodPlatform()
    await using worker = processOf(platform, [CHILD])
    // The render waits for nothing; what takes time is the telling of its progress.
    platform.faults.done = [{ delayMs: 2_000 }]
    platform.hand(job('last'), job('never'))
    await pinging(platform, 'last')
    const pings = () =>
      platform.recorder.of('ping').filter(({ query }) => query[0] === 'job_id=last').length
    const before = pings()
    worker.kill('SIGTERM')
    const sdk = sdkTrace('terminated-at-work')
    expect(await worker.ended).toEqual([sdk.exit, null])
    const line = said(platform, 'done').done!.at(-1)!
    expect(line.request).toBe(sdk.done![0]!.request)
    expect(finals(platform)).toHaveLength(1)
    expect(pings()).toBeGreaterThan(before) // two seconds more, at one a second
  })

  test('gives an endless job its outcome when the drain is over', async () => {
    await using platform = await runpodPlatform()
    await using worker = processOf(platform, [CHILD], { DRAIN_SEC: '1' })
    platform.hand(job('endless', ENDLESS))
    await pinging(platform, 'endless')
    worker.kill('SIGTERM')
    expect(await worker.ended).toEqual([0, null])
    const error = JSON.parse(platform.outcomes.get('endless')!['error'] as string) as object
    expect(error).toMatchObject({ code: 'SHUTDOWN', retryable: true })
  })

  test('during the retries of an outcome does not lose it', async () => {
    await using platform = await runpodPlatform()
    const faults = [{ status: 500 }, { status: 500 }]
    platform.faults.done = ({ body }) => (body.includes('IN_PROGRESS') ? undefined : faults.shift())
    await using worker = processOf(platform, [CHILD])
    platform.hand(job('told-late'))
    await platform.recorder.until(() => finals(platform).length === 1, 'the first try')
    worker.kill('SIGTERM')
    expect(await worker.ended).toEqual([0, null])
    expect(platform.outcomes.get('told-late')).toHaveProperty('output.job_id', 'told-late')
  })

  test('while the answer to a poll comes in does not drop its job: it is handed back', async () => {
    await using platform = await runpodPlatform()
    platform.faults.take = [{ bodyAfterMs: 1_500 }]
    await using worker = processOf(platform, [CHILD])
    platform.hand(job('late'))
    const { recorder } = platform
    await recorder.until(() => recorder.of('take')[0]?.status === 200, 'the headers')
    await pause(300) // so that the headers are there, and the body is not
    worker.kill('SIGTERM')
    expect(await worker.ended).toEqual([0, null])
    const error = JSON.parse(platform.outcomes.get('late')!['error'] as string) as object
    expect(error).toMatchObject({ code: 'SHUTDOWN', retryable: true })
  })
})

describe('24. a worker that is not fit', () => {
  const MAIN = ['../../runtime/main.ts', 'start']

  test('for lack of memory says so as the SDK does, takes nothing, and ends with status 1', async () => {
    await using platform = await runpodPlatform()
    platform.hand(job('never'))
    await using worker = processOf(platform, MAIN, {
      ...{ RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: 'false', RUNPOD_MIN_MEMORY_GB: '1000000' },
    })
    const sdk = sdkTrace('unfit')
    expect(await worker.ended).toEqual([sdk.exit, null])
    const { take, ping } = said(platform, 'take', 'ping')
    expect(take).toEqual(sdk.take)
    const shape = (request: string) => request.replace(/(check|reason)=[^&]*/g, '$1=')
    expect(ping!.map(({ request }) => shape(request))).toEqual([shape(sdk.ping![0]!.request)])
    expect(ping![0]!.request).toMatch(/check=memory&reason=Unfit%3A\+[\d.]+\+GB\+of\+memory/)
  })

  test('for lack of models too, with the reason', async () => {
    await using platform = await runpodPlatform()
    platform.hand(job('never'))
    await using worker = processOf(platform, MAIN, { MODEL_BUNDLE: join(dir, 'none') })
    expect(await worker.ended).toEqual([1, null])
    const { take, ping } = said(platform, 'take', 'ping')
    expect(take).toEqual([])
    const report = ping!.filter(({ request }) => request.includes('status=unhealthy'))
    expect(report).toHaveLength(1)
    expect(decodeURIComponent(report[0]!.request)).toMatch(/check=models&reason=Unfit:.*manifest/)
    const logged = worker.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const line of logged) {
      expect(Object.keys(line).slice(0, 3)).toEqual(['requestId', 'message', 'level'])
    }
    // Its engine may have failed before it could say that it starts.
    const started = expect.stringMatching(
      /^--- Starting Serverless Worker \| {2}Version \d/,
    ) as string
    expect(logged.map(({ message }) => message)).toContainEqual(started)
    expect(logged.at(-1)).toMatchObject({ level: 'ERROR', event: 'worker.unfit' })
    const warned = logged.filter(({ level }) => level === 'WARN').map(({ event }) => event)
    expect(warned).toContain('storage.unreachable')
  })
})

describe('25. a process that was stopped for a while', () => {
  const CALLER = ['../helpers/children/runpod-suspended.child.ts', '1000']

  test('polls anew when it goes on, and takes jobs', async () => {
    await using platform = await runpodPlatform({ holdMs: 120_000 })
    await using worker = processOf(platform, CALLER)
    await polling(platform)
    worker.kill('SIGSTOP')
    await pause(2_500) // longer than the stop that counts
    worker.kill('SIGCONT')
    await polling(platform, 2)
    platform.hand({ id: 'after', input: { x: 1 } })
    await outcome(platform, 'after')
  })
})
