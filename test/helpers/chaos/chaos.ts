import { folder, testFfmpeg } from '../media/media.ts'
import { gaps } from '../orchestrator/invariants.ts'
import { someFaults } from '../orchestrator/faults.ts'
import { seeded, type Random } from '../orchestrator/random.ts'
import { startOrchestrator, type Orchestrator } from '../orchestrator/server.ts'
import { LARGE } from '../children/painting-engine.child.ts'
import { KEYS } from '../storage/strict-s3.ts'
import { HOPELESS, serveInputs } from './media.ts'
import { stormyS3 } from './faulty-s3.ts'
import { violations } from './invariants.ts'
import { ruinOf, waited } from './ruin.ts'
import { worker, type Worker } from './worker.ts'

export interface ChaosOptions {
  seed: number
  jobs: number
  /** Which of the two protocols the workers speak; the main one where unset. */
  buffer?: boolean
  /** Share of the requests to every server that meets an accident. */
  share?: number
  /** All jobs must have ended by then. */
  limitMs: number
}

export interface ChaosSummary {
  seed: number
  jobs: number
  succeeded: number
  failed: number
  /** Hand-outs beyond one for each job. */
  retries: number
  kills: number
  /** SIGTERMs to a worker with all that it has started, and to its ffmpegs alone. */
  stops: { group: number; ffmpeg: number }
  restarts: number
  faults: { orchestrator: number; storage: number; media: number }
  /** Between two heartbeats of a worker that lived. */
  longestSilenceS: number
  seconds: number
  /** What may never happen and did, one sentence each. */
  violations: string[]
}

const WORKERS = 3

/** A hundred jobs, three workers, and everything around them failing. */
export async function chaos(options: ChaosOptions): Promise<ChaosSummary> {
  const { seed, jobs, buffer = false, share = 0.2, limitMs } = options
  const chance = (stream: number) => seeded(seed * 16 + stream)
  const [accidents, driver, doubles] = [chance(0), chance(1), chance(2)]
  const now = () => performance.now()
  const began = now()
  await using dir = await folder()
  await using media = await serveInputs(dir, await testFfmpeg(), chance(3), share)
  let calm = false
  const storm = someFaults(accidents, share)
  await using orchestrator = await startOrchestrator({
    ...{ now, leaseMs: 12_000, maxAttempts: 100, knock: true },
    double: () => doubles.chance(0.03),
    faults: (route) => (calm ? undefined : storm(route)),
  })
  const workers: Worker[] = []
  const ruin = ruinOf(workers, driver)
  await using s3 = await stormyS3(chance(4), share, ({ name, key }) => {
    if (name !== 'part' || !driver.chance(0.15)) return
    const holder = orchestrator.jobs.get(key.replace('.mp4', ''))?.leases[0]?.worker
    void ruin.kill(workers.find(({ id }) => id === holder))
  })
  const expected = submitJobs(orchestrator, named(media.origin), jobs, driver)
  const env = {
    ...{ ORCHESTRATOR_BASE_URL: named(orchestrator.url), INTERNAL_API_KEY: orchestrator.key },
    ...{
      POLL_INTERVAL_SEC: '0.3',
      CONCURRENCY: '4',
      STORAGE: 's3',
      S3_ENDPOINT: named(s3.origin),
      S3_BUCKET: 'bucket',
    },
    ...{ S3_KEY_ID: KEYS.keyId, S3_SECRET: KEYS.secret },
    ...(buffer && { WORKER_MODE: 'buffer', BUFFER_POLL_INTERVAL_SEC: '2' }),
  }
  for (let i = 0; i < WORKERS; i++) {
    workers.push(await worker(`worker-${i}`, dir.path, env, now))
  }
  for (const each of workers) each.start()

  const over = new AbortController()
  const driving = [
    ruin.some(over.signal),
    restarts(orchestrator, seeded(seed * 16 + 5), over.signal),
  ]
  const settled = () => [...orchestrator.jobs.values()].every(({ state }) => isFinal(state))
  const late = await orchestrator.until(settled, AbortSignal.timeout(limitMs)).then(
    () => [],
    () => [`not all jobs had ended after ${limitMs / 1000} s`],
  )
  over.abort()
  calm = true
  await Promise.all(driving)
  await ruin.settled()
  const statuses = await Promise.all(workers.map((each) => each.end(60_000)))
  s3.calm()
  const record = orchestrator.record()
  const wrong = await violations({ orchestrator, workers, s3, expected })
  const ended = statuses.flatMap((status, i) =>
    status === 0 ? [] : [`worker-${i} ended with ${status} when it was asked to`],
  )
  const lives = workers.flatMap((each) => each.lives)
  const silent = gaps(lives, record)
  const count = (change: string) =>
    record.filter((it) => it.kind === 'change' && it.change === change).length
  return {
    ...{ seed, jobs, succeeded: count('succeeded'), failed: count('failed') },
    retries: count('handed') - jobs,
    kills: ruin.kills(),
    stops: ruin.stops(),
    restarts: record.filter((it) => it.kind === 'turn' && it.turn === 'down').length,
    faults: {
      orchestrator: record.filter((it) => it.kind === 'request' && it.fault).length,
      ...{ storage: s3.faults(), media: media.faults() },
    },
    longestSilenceS: Math.round(Math.max(...silent.map(({ ms }) => ms)) / 100) / 10,
    seconds: Math.round((now() - began) / 1000),
    violations: [...late, ...wrong, ...ended],
  }
}

/** By a name, which the workers' machines do not know at all times. */
const named = (origin: string) => origin.replace('127.0.0.1', 'localhost')

const isFinal = (state: string) => state === 'succeeded' || state === 'failed'

/** @returns how each job must end: an error code, or undefined for a success */
function submitJobs(
  orchestrator: Orchestrator,
  media: string,
  count: number,
  random: Random,
): Map<string, string | undefined> {
  const expected = new Map<string, string | undefined>()
  for (let i = 0; i < count; i++) {
    const name = random.pick([
      [17, 'face.mp4'],
      ...Object.keys(HOPELESS).map((file) => [1, file] as const),
    ])
    const input = {
      ...{ video_url: `${media}/${name}?job=${i}`, audio_url: `${media}/voice.wav?job=${i}` },
      ...{ aspect_ratio: '1:1', resolution: '512x512' },
      ...(random.chance(0.1) && { output: { crf: LARGE } }),
    }
    const id = orchestrator.submit(input, `job-${i}`)
    expected.set(id, HOPELESS[name as keyof typeof HOPELESS])
  }
  return expected
}

/** The orchestrator is deployed again and again, and sometimes forgets its workers over it. */
async function restarts(orchestrator: Orchestrator, random: Random, over: AbortSignal) {
  while (await waited(random.between(4_000, 12_000), over)) {
    const downMs = random.between(100, 3_000)
    await orchestrator.restart({ downMs, amnesia: random.chance(0.5) })
  }
}
