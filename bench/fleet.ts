// What a fleet yields: jobs a minute of 1, 2 and 4 workers on one BullMQ queue, each with a simulated card that is slow enough for
// the processor not to be the limit. Needs redis-server. `npm run bench:fleet`; SPEED (times the speed of a real card), SECONDS of
// video and JOBS for each worker change what is done, WORKERS (1,2,4) by how many. LONG=60: one job for all of them instead, in parts
// of so many seconds, its face's boxes named.
import { readFile } from 'node:fs/promises'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { ffmpeg, folder, makeSound, testFfmpeg } from '../test/helpers/media/media.ts'
import { redisServer } from '../test/helpers/redis/server.ts'
import { webServer } from '../test/helpers/servers/loopback-server.ts'
import { costOf, type Simulation } from './simulated/card.ts'

const SPEED = Number(process.env.SPEED ?? 0.03)
const SECONDS = Number(process.env.SECONDS ?? 1)
const JOBS = Number(process.env.JOBS ?? 8)
const LONG = Number(process.env.LONG ?? 0)
const WORKERS = (process.env.WORKERS ?? '1,2,4').split(',').map(Number)
const SIDE = 256
const frames = SECONDS * 25

const simulation: Simulation = { speed: SPEED, parse: false, width: SIDE, height: SIDE }
const found = await testFfmpeg()
await using dir = await folder()
const video = dir.file('face.mp4')
const picture = `testsrc2=size=${SIDE}x${SIDE}:rate=25:duration=${SECONDS}`
const audio = await makeSound(found, dir.file('voice.wav'), SECONDS)
await ffmpeg(found.path, ['-v', 'error', '-f', 'lavfi', '-i', picture, video])
await using inputs = await webServer(async (request, response) => {
  response.end(await readFile(request.url === '/face.mp4' ? video : audio))
})

interface Yield {
  workers: number
  jobs: number
  seconds: number
  perMinute: number
  /** Of the time that was measured, for how much the cards were busy. */
  cardShare: number
}

/** @param onCard told for how long the card was busy, after each job */
async function startWorker(
  name: string,
  redisUrl: string,
  onCard: (busyMs: number) => void,
): Promise<ChildProcess> {
  const worker = spawn(
    process.execPath,
    [join(import.meta.dirname, 'simulated/fleet-worker.process.ts'), JSON.stringify(simulation)],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...{ PATH: process.env.PATH, FFMPEG_PATH: found.path, HOME: dir.path },
        ...{ REDIS_URL: redisUrl, WORKER_ID: name, HOST: '127.0.0.1', PORT: '0' },
        ...{ STORAGE: 'directory', OUTPUT_DIR: dir.file('out'), CACHE_MAX_MB: '0' },
        ...{ SCRATCH_DIR: dir.file(`${name}-scratch`), STATE_DIR: dir.file(`${name}-state`) },
        CACHE_DIR: dir.file(`${name}-cache`),
      },
    },
  )
  const ready = Promise.withResolvers<void>()
  createInterface(worker.stderr).on('line', (line) => {
    const { event, busyMs } = JSON.parse(line) as { event: string; busyMs?: number }
    if (event === 'worker.ready') ready.resolve()
    if (event === 'bench.card') onCard(busyMs!)
  })
  worker.once('exit', (status) => ready.reject(new Error(`${name} ended with ${status}`)))
  await ready.promise
  return worker
}

async function measure(count: number): Promise<Yield> {
  await using redis = await redisServer()
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
  const queue = new Queue('musetalk', { connection })
  await queue.pause()
  const names = Array.from({ length: count }, (_, i) => `of-${count}-${i}`)
  let busyMs = 0
  const onCard = (ms: number) => (busyMs += ms)
  const workers = await Promise.all(names.map((name) => startWorker(name, redis.url, onCard)))
  const jobs = LONG ? 1 : JOBS * count
  for (let i = 0; i < jobs; i++) {
    const files = { video_url: inputs.url('/face.mp4'), audio_url: inputs.url('/voice.wav') }
    const face = { boxes: Array<number[]>(frames).fill([64, 48, 192, 208]) }
    const data = { ...files, metadata: { i }, ...(LONG && { face, split: { seconds: LONG } }) }
    await queue.add('render', data, { jobId: `bench-${count}-${i}` })
  }
  const began = performance.now()
  await queue.resume()
  for (;;) {
    const given = Array.from({ length: jobs }, (_, i) => queue.getJobState(`bench-${count}-${i}`))
    const states = await Promise.all(given)
    if (states.includes('failed')) throw new Error((await queue.getFailed())[0]!.failedReason)
    if (states.every((state) => state === 'completed')) break
    await sleep(100)
  }
  const seconds = (performance.now() - began) / 1000
  await queue.close()
  connection.disconnect()
  await Promise.all(
    workers.map(async (worker) => {
      const ended = once(worker, 'exit')
      worker.kill('SIGTERM')
      await ended
    }),
  )
  const cardShare = busyMs / 1000 / seconds / count
  return { workers: count, jobs, seconds, perMinute: (60 * jobs) / seconds, cardShare }
}

const onceMs = costOf('listen', 1, SPEED)
const frameMs = (['face', 'encode', 'generate'] as const).map((graph) => costOf(graph, 1, SPEED))
const cardS = (onceMs + frames * frameMs.reduce((sum, ms) => sum + ms)) / 1000
const out = (line: string) => process.stdout.write(`${line}\n`)
out(
  `${frames} frames a job, about ${cardS.toFixed(0)} s of a simulated card; ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`,
)
out('workers | jobs | seconds | jobs a minute | times one worker | cards busy')
let one = 0
for (const count of WORKERS) {
  const { jobs, seconds, perMinute, cardShare } = await measure(count)
  one ||= perMinute / count
  const times = (perMinute / one).toFixed(2)
  const busy = `${Math.round(100 * cardShare)} %`
  out([count, jobs, seconds.toFixed(1), perMinute.toFixed(2), times, busy].join(' | '))
}
