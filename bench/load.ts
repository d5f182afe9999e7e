// What a crowd gets: 200 jobs of tiny media from 20 clients that honour Retry-After, over HTTP to a
// whole worker with the embedded bundle (or MODEL_BUNDLE). Prints what was lost, what was rendered
// twice, and the latencies; asserts nothing. `npm run bench:load`; JOBS and CLIENTS change the size.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const JOBS = Number(process.env.JOBS ?? 200)
const CLIENTS = Number(process.env.CLIENTS ?? 20)
const root = resolve(import.meta.dirname, '..')
const dir = await mkdtemp(join(tmpdir(), 'musetalk-load-'))

const make = (args: string[], name: string): Buffer => {
  const ffmpeg = process.env.FFMPEG_PATH ?? 'ffmpeg'
  execFileSync(ffmpeg, ['-v', 'error', ...args, '-y', join(dir, name)])
  return readFileSync(join(dir, name))
}
const files: Record<string, Buffer> = {
  '/face.png': make(['-i', join(root, 'demo/portrait.png'), '-vf', 'scale=192:192'], 'face.png'),
  '/voice.wav': make(['-t', '0.2', '-i', join(root, 'demo/speech.wav')], 'voice.wav'),
}
const media = createServer((request, response) => response.end(files[request.url!])).listen(0)
await once(media, 'listening')
const from = `http://127.0.0.1:${(media.address() as AddressInfo).port}`

const env = { ...process.env, PORT: '0', HOST: '127.0.0.1', ALLOW_PRIVATE_URLS: 'true' }
const folders = {
  STORAGE: 'directory',
  OUTPUT_DIR: join(dir, 'out'),
  SCRATCH_DIR: join(dir, 'tmp'),
  CACHE_DIR: join(dir, 'cache'),
}
const worker = spawn(process.execPath, [join(root, 'runtime/main.ts'), 'serve'], {
  env: { ...env, ...folders },
  stdio: ['ignore', 'inherit', 'pipe'],
})
const ended = once(worker, 'exit')
const renders = new Map<string, number>()
const ready = Promise.withResolvers<string>()
let port = 0
createInterface(worker.stderr).on('line', (line) => {
  const said = JSON.parse(line) as { event: string; port?: number; job?: string; stage?: string }
  if (said.event === 'worker.listening') port = said.port!
  if (said.event === 'worker.ready') ready.resolve(`http://127.0.0.1:${port}`)
  if (said.event === 'worker.not_ready') ready.reject(new Error(line))
  if (said.event === 'stage' && said.stage === 'render') {
    renders.set(said.job!, (renders.get(said.job!) ?? 0) + 1)
  }
})
const url = await ready.promise

const outcomes: string[] = []
const latencies: number[] = []
const probes: number[] = []
let refused = 0
let next = 0

/** @returns the answer's status field, after as many tries as the worker asks for */
async function send(id: string): Promise<string> {
  const job = { id, video_url: `${from}/face.png`, audio_url: `${from}/voice.wav` }
  for (;;) {
    const response = await fetch(`${url}/generate`, { method: 'POST', body: JSON.stringify(job) })
    const { status } = (await response.json()) as { status: string }
    if (response.status !== 429) return status
    refused++
    await sleep(Number(response.headers.get('retry-after')) * 1000)
  }
}

async function client(): Promise<void> {
  for (let number = next++; number < JOBS; number = next++) {
    const began = performance.now()
    outcomes.push(await send(`load-${number}`))
    latencies.push((performance.now() - began) / 1000)
  }
}

let over = false
async function probe(): Promise<void> {
  while (!over) {
    const began = performance.now()
    await (await fetch(`${url}/hc`)).text()
    probes.push(performance.now() - began)
    await sleep(100)
  }
}

const began = performance.now()
const probing = probe()
await Promise.all(Array.from({ length: CLIENTS }, client))
const seconds = (performance.now() - began) / 1000
over = true
await probing
worker.kill('SIGTERM')
const [status] = await ended
media.close()
media.closeAllConnections()
await rm(dir, { recursive: true })

const at = (values: number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!
const tail = (values: number[], digits: number) =>
  [0.5, 0.95, 1].map((share) => at(values, share).toFixed(digits)).join(' / ')
const done = outcomes.filter((outcome) => outcome === 'success').length
const twice = [...renders.values()].filter((times) => times > 1).length
process.stdout.write(
  [
    `${JOBS} jobs from ${CLIENTS} clients in ${seconds.toFixed(1)} s (${(JOBS / seconds).toFixed(2)} a second)`,
    `succeeded ${done}, lost ${JOBS - done}, rendered twice ${twice}, told to come back ${refused} times`,
    `latency of a job, median / 95 % / worst: ${tail(latencies, 1)} s`,
    `/hc meanwhile, median / 95 % / worst: ${tail(probes, 1)} ms of ${probes.length}`,
    `the worker ended with status ${status}; load ${loadavg()[0]!.toFixed(1)}`,
  ].join('\n') + '\n',
)
