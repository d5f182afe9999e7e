import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { folder, makeSound, makeVideo, testFfmpeg } from '../helpers/media/media.ts'
import { bareEnvironment } from '../helpers/children/bare-environment.ts'

/** Every variable that holds a secret, and a value for it that stands nowhere else. */
const SECRETS = {
  API_KEY: 'planted-api-key',
  INTERNAL_API_KEY: 'planted-internal-key',
  HF_TOKEN: 'planted-hub-token',
  RUNPOD_AI_API_KEY: 'planted-runpod-key',
  S3_SECRET: 'planted-s3-secret',
  S3_KEY_ID: 'planted-s3-key-id',
  B2_APP_KEY: 'planted-b2-secret',
  B2_KEY_ID: 'planted-b2-key-id',
  WEBHOOK_SECRET: `whsec_${Buffer.from('planted-webhook-secret-of-32-byte').toString('base64')}`,
}
const IN_URLS = ['planted-input-token', 'planted-webhook-token', 'planted-upload-token']
const PLANTED = [...Object.values(SECRETS), ...IN_URLS, 'planted-webhook-secret-of-32-byte']

const child = join(import.meta.dirname, '../helpers/children/pull-worker.child.ts')

test('no secret of a variable or an address is in a log, an answer, a metric or a process', async () => {
  await using at = await folder()
  const ffmpeg = await testFfmpeg()
  await makeVideo(ffmpeg, at.file('v.mp4'), { frames: 5 })
  await makeSound(ffmpeg, at.file('a.wav'), 0.2)
  const webhooks: string[] = []
  await using servers = new AsyncDisposableStack()
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url!, 'http://media').pathname
    if (request.method === 'GET' && /\/[va]\.\w+$/.test(path)) {
      return response.end(await readFile(at.file(path.slice(1))))
    }
    let body = ''
    for await (const chunk of request) body += String(chunk)
    if (path === '/hook') webhooks.push(body)
    response.writeHead(path === '/hook' ? 200 : 403).end('refused')
  }
  const media = createServer((request, response) => void answer(request, response))
  media.listen(0, '127.0.0.1')
  servers.defer(() => void media.close())
  servers.defer(() => media.closeAllConnections())
  await once(media, 'listening')
  const url = (path: string, token = IN_URLS[0]) =>
    `http://127.0.0.1:${(media.address() as AddressInfo).port}/${path}?token=${token}`

  const worker = spawn(process.execPath, [child], {
    env: {
      ...{ ...bareEnvironment(), HOME: at.path, PORT: '0', HOST: '127.0.0.1', ...SECRETS },
      ...{ STORAGE: 'directory', OUTPUT_DIR: at.file('out'), SCRATCH_DIR: at.file('scratch') },
      ...{ STATE_DIR: at.file('state'), CACHE_DIR: at.file('cache'), LOG_LEVEL: 'debug' },
      ...{ S3_BUCKET: 'b', B2_BUCKET_NAME: 'b', WORKER_MODE: 'push' },
      ...(process.env['FFMPEG_PATH'] && { FFMPEG_PATH: process.env['FFMPEG_PATH'] }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  servers.defer(async () => {
    worker.kill('SIGKILL')
    if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit')
  })
  let log = ''
  const listening = Promise.withResolvers<number>()
  for (const stream of [worker.stdout, worker.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text
      const port = /worker\.listening.*?"port":(\d+)/.exec(log)?.[1]
      if (port) listening.resolve(Number(port))
    })
  }
  void once(worker, 'exit').then(() => listening.reject(new Error(`the worker ended: ${log}`)))
  const origin = `http://127.0.0.1:${await listening.promise}`

  const processes = new Set<string>()
  const answers: string[] = []
  const ask = async (path: string, init: RequestInit = {}, key: string = SECRETS.API_KEY) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const answer = await fetch(origin + path, { headers, ...init })
    const text = await answer.text()
    answers.push(`${path}: ${JSON.stringify([...answer.headers])} ${text}`)
    return text
  }
  const send = async (path: string, job: object) => {
    const done = ask(path, { method: 'POST', body: JSON.stringify(job) })
    let over = false
    void done.finally(() => (over = true))
    while (!over) {
      for (const one of await describeTree(worker.pid!)) processes.add(one)
      await delay(10) // far less than what any process of a job takes
    }
    return JSON.parse(await done) as Record<string, string>
  }
  const job = { video_url: url('v.mp4'), audio_url: url('a.wav') }
  const webhook = url('hook', IN_URLS[1])
  expect(await send('/generate', { ...job, id: 'good', webhook })).toMatchObject({
    status: 'success',
  })
  await send('/generate', { ...job, id: 'missing', video_url: url('none') })
  await send('/generate', { ...job, id: 'no-media', video_url: url('a.wav'), webhook })
  await send('/generate', { ...job, id: 'odd', audio_url: `ftp://x/${IN_URLS[0]}`, nonsense: 1 })
  await send('/generate', { ...job, id: 'put', output: { url: url('put', IN_URLS[2]) } })
  await send('/generate', { ...job, id: 'hook', webhook: url('refused', IN_URLS[1]) })
  await send('/v2/x/runsync', { input: { ...job, id: 'runpod' }, webhook })
  for (const id of ['good', 'missing', 'put', 'odd']) await ask(`/jobs/${id}`)
  await ask('/jobs/good/events')
  for (const path of ['/health', '/ready', '/metrics', '/openapi.json', '/', '/v2/x/requests']) {
    await ask(path)
  }
  await ask('/jobs/good', {}, 'a-wrong-key')
  worker.kill('SIGTERM')
  await once(worker, 'exit')

  expect(log).toContain('job.succeeded')
  expect([...processes].join('\n')).toMatch(/ffmpeg|ffprobe/)
  expect(webhooks.join('\n')).toContain('job.succeeded')
  const found = (where: string, text: string) =>
    PLANTED.filter((secret) => text.includes(secret)).map((secret) => `${where}: ${secret}`)
  expect([
    ...found('log', log),
    ...answers.flatMap((answer) => found(answer.slice(0, 300), answer)),
    ...[...processes].flatMap((one) => found(one.slice(0, 300), one)),
    ...webhooks.flatMap((body) => found('webhook', withoutEcho(body))),
  ]).toEqual([])
})

/** RunPod's callback holds the caller's own request, as RunPod's platform sends it. */
const withoutEcho = (body: string): string =>
  JSON.stringify({ ...(JSON.parse(body) as object), input: undefined, webhook: undefined })

/** Command lines of a process and all below it, and the environments of those below. */
async function describeTree(pid: number, isRoot = true): Promise<string[]> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
  const own = [await read('cmdline'), ...(isRoot ? [] : [await read('environ')])]
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => [])
  const below = await Promise.all(
    tasks.map(async (task) => (await read(`task/${task}/children`)).split(' ').filter(Boolean)),
  )
  const trees = await Promise.all(below.flat().map((child) => describeTree(Number(child), false)))
  return [...own, ...trees.flat()].map((text) => text.replaceAll('\0', ' '))
}
