import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ENDLESS } from '../../helpers/servers/worker-server.ts'

const CHILD = fileURLToPath(new URL('../../helpers/children/http-worker.child.ts', import.meta.url))

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stop-'))
  await writeFile(join(dir, 'input'), 'not looked at')
})
afterEach(() => rm(dir, { recursive: true }))

/** A worker process of its own. */
async function worker(drainS: number) {
  const folders = {
    OUTPUT_DIR: join(dir, 'out'),
    SCRATCH_DIR: join(dir, 'scratch'),
    CACHE_DIR: join(dir, 'cache'),
  }
  const env = { ...process.env, ...folders, DRAIN_SEC: String(drainS), HOST: '127.0.0.1' }
  const child = spawn(process.execPath, [CHILD], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  const url = `http://127.0.0.1:${Number(String(port))}`
  const input = join(dir, 'input')
  const job = (id: string, crf: number) => ({ id, video: input, audio: input, output: { crf } })
  return {
    ...{ url, ended, kill: (name: NodeJS.Signals) => void child.kill(name) },
    generate: (id: string, crf = 17) =>
      fetch(`${url}/generate`, { method: 'POST', body: JSON.stringify(job(id, crf)) }),
    async rendering(id: string) {
      while ((await fetch(`${url}/jobs/${id}`)).status !== 200);
      const events = await fetch(`${url}/jobs/${id}/events`)
      for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
        if (chunk.includes('inferring')) return
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

const scratch = async () => (existsSync(join(dir, 'scratch')) ? readdir(join(dir, 'scratch')) : [])

describe('a worker process', () => {
  test('that is idle ends at once, with status 0', async () => {
    await using one = await worker(600)
    expect((await one.generate('a')).status).toBe(200)
    one.kill('SIGTERM')
    expect(await one.ended).toEqual([0, null])
  })

  test('that works hands its job back when the drain is over, and ends with status 0', async () => {
    await using one = await worker(1)
    const answer = one.generate('endless', ENDLESS)
    await one.rendering('endless')
    one.kill('SIGTERM')
    while ((await fetch(`${one.url}/ready`)).status !== 503);
    expect((await fetch(`${one.url}/hc`)).status).toBe(200)
    expect((await one.generate('late')).status).toBe(503)
    const response = await answer
    expect(response.status).toBe(500)
    expect(await response.json()).toMatchObject({
      ...{ retryable: true, error: { code: 'SHUTDOWN', retryable: true } },
    })
    expect(await one.ended).toEqual([0, null])
    expect(await scratch()).toEqual([])
  })

  test('that is told twice hands its job back at once', async () => {
    await using one = await worker(600)
    const answer = one.generate('endless', ENDLESS)
    await one.rendering('endless')
    one.kill('SIGTERM')
    while ((await fetch(`${one.url}/ready`)).status !== 503);
    one.kill('SIGINT')
    expect(await (await answer).json()).toMatchObject({ error: { code: 'SHUTDOWN' } })
    expect(await one.ended).toEqual([0, null])
  })
})
