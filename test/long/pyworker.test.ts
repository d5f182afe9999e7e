import { spawn } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, symlink } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { folder, makeSound, testFfmpeg } from '../helpers/media/media.ts'
import { bodyOf, webServer } from '../helpers/servers/loopback-server.ts'

const root = resolve(import.meta.dirname, '../..')
/** A Python with Vast's package; `.ci/long` has one. */
const python = process.env['VAST_PYTHON']

const PEM = {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
} as const

/** So many that were free a moment ago: PyWorker is told its ports. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))))
  return ports
}

describe.skipIf(!python)("Vast's PyWorker (needs its package)", () => {
  test('starts the worker, measures it, tells of its load, and forwards a job', async () => {
    await using dir = await folder()
    const { publicKey, privateKey } = generateKeyPairSync('rsa', PEM)
    const reports: Record<string, unknown>[] = []
    await using vast = await webServer(async (request, response) => {
      const body = await bodyOf(request)
      if (request.url === '/worker_status/') reports.push(JSON.parse(String(body)))
      response.end(request.url === '/pubkey/' ? publicKey : '{}')
    })
    const [port, http, own] = (await freePorts(3)).map(String) as [string, string, string]
    await mkdir(dir.file('bin'))
    await symlink(join(root, 'bin/musetalk-worker.mjs'), dir.file('bin/musetalk-worker'))
    const pyworker = spawn(python!, [join(root, 'deploy/vast/worker.py')], {
      cwd: dir.path, // it writes its measurement there
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...{ PATH: `${dir.file('bin')}:${process.env['PATH']}`, HOME: dir.path },
        ...{ REPORT_ADDR: vast.origin, MASTER_TOKEN: 'token', CONTAINER_ID: '7' },
        ...{ PUBLIC_IPADDR: '127.0.0.1', WORKER_PORT: port, WORKER_HTTP_PORT: http },
        ...{ [`VAST_TCP_PORT_${port}`]: port, MUSETALK_PORT: own, OUTPUT_DIR: dir.file('out') },
        ...{ MUSETALK_DEMO: join(root, 'demo'), SCRATCH_DIR: dir.file('scratch') },
        ...{ CACHE_DIR: dir.file('cache'), STATE_DIR: dir.file('state') },
      },
    })
    const ended = once(pyworker, 'exit')
    onTestFinished(async () => {
      pyworker.kill('SIGTERM') // what it has started ends with it
      await ended
    })
    let said = ''
    pyworker.stderr.on('data', (text) => (said = (said + String(text)).slice(-4_000)))
    const measured = () => reports.findLast(({ max_perf }) => Number(max_perf) > 0)
    await expect.poll(measured, { timeout: 300_000, message: said }).toBeDefined()
    const speech = await makeSound(await testFfmpeg(), dir.file('speech.wav'), 1)
    const base64 = (file: string) => readFile(file, 'base64')
    const payload = {
      video_base64: await base64(join(root, 'demo/portrait.png')),
      audio_base64: await base64(speech),
    }
    const url = `http://127.0.0.1:${port}`
    // As Vast signs it: Python's JSON with an indent of four.
    const signature = sign('sha256', Buffer.from(JSON.stringify({ url }, null, 4)), privateKey)
    const auth_data = {
      ...{ cost: '100', endpoint: 'e', reqnum: 1, request_idx: 1, url },
      signature: signature.toString('base64'),
    }
    const answer = await fetch(`${url}/generate`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ auth_data, payload }),
    })
    expect(await answer.json(), said).toMatchObject({ status: 'success' })
    expect(reports.flatMap(({ error_msg }) => error_msg || [])).toEqual([])
  }, 400_000)
})
