import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { folder, testFfmpeg } from '../media/media.ts'
import { LARGE } from '../children/painting-engine.child.ts'
import { seeded, type Random } from '../orchestrator/random.ts'
import { redisServer, type RedisServer } from '../redis/server.ts'
import { tcpRelay, type Relay } from '../servers/tcp-relay.ts'
import { KEYS } from '../storage/strict-s3.ts'
import { stormyS3, type StormyS3 } from './faulty-s3.ts'
import { leftBy, objectProblem, unfinishedUploads } from './invariants.ts'
import { longJob, longProblems, undisturbed } from './long-jobs.ts'
import { HOPELESS, serveInputs } from './media.ts'
import { queueJobs, queueViolations, type QueueEnd } from './queue-jobs.ts'
import { ruinOf, waited } from './ruin.ts'
import { worker, type Worker } from './worker.ts'

export interface QueueChaosOptions {
  seed: number
  jobs: number
  /** Whether Redis writes down what it knows; else it has forgotten all of it whenever it starts. */
  durable: boolean
  /** Share of the requests to the store and for media that meets an accident. */
  share?: number
  /** All jobs must have ended by then. */
  limitMs: number
}

const WORKERS = 3
/** The last jobs are drawn in parts by all workers. */
const LONG_JOBS = 3
/** Shorter than the longest cut, so that jobs change hands while their worker lives. */
const LOCK_S = 3
const LONGEST_CUT_MS = 6_000
/** After so many lost locks BullMQ fails a job, and only then one fails so for good; chance can do that to one. */
const GIVEN_UP = 'ENGINE_LOST'
/** Of all jobs: chance rarely meets one job five times; where more are given up, workers lose locks by themselves. */
const GIVEN_UP_SHARE = 0.03

/** A hundred jobs of a queue, three workers, and everything around them failing. */
export async function queueChaos(options: QueueChaosOptions) {
  const { seed, jobs: count, durable, share = 0.1, limitMs } = options
  const chance = (stream: number) => seeded(seed * 16 + stream)
  const driver = chance(1)
  const began = performance.now()
  await using dir = await folder()
  await using media = await serveInputs(dir, await testFfmpeg(), chance(3), share)
  const right = await undisturbed(dir)
  await using redis = await redisServer({ durable })
  await using queue = queueJobs(redis.url)
  const workers: Worker[] = []
  const ruin = ruinOf(workers, driver)
  await using s3 = await stormyS3(chance(4), share, ({ name }) => {
    if (name === 'part' && driver.chance(0.1)) void ruin.kill(workers[driver.between(0, 2)])
  })
  await using lines = new AsyncDisposableStack()
  const relays: Relay[] = []
  for (let i = 0; i < WORKERS; i++) {
    const relay = lines.use(await tcpRelay(redis.port))
    relays.push(relay)
    const env = { ...environment(s3), REDIS_URL: `redis://127.0.0.1:${relay.port}` }
    workers.push(await worker(`worker-${i}`, dir.path, env, () => performance.now()))
  }
  const isLong = (i: number) => i >= count - LONG_JOBS
  const expected = new Map<string, string | undefined>()
  for (let i = 0; i < count; i++) {
    const id = `job-${i}`
    const origin = media.origin.replace('127.0.0.1', 'localhost')
    const { data, code } = isLong(i) ? longJob(origin, i) : someJob(driver, origin, i)
    expected.set(id, code)
    await queue.give(id, data)
  }
  for (const each of workers) each.start()

  const over = new AbortController()
  const restart = restartsOf(redis, chance(5))
  const cut = cutsOf(relays, chance(6))
  const driving = [
    ruin.some(over.signal),
    restart.some(durable ? 8_000 : 25_000, over.signal),
    cut.some(over.signal),
    // Chance may leave out what is rare; so each happens once while there is work, whatever the seed.
    whileJobsEnd(queue, count, over.signal, [
      () => cut.surely(over.signal),
      () => restart.surely(over.signal),
      ...(['kill', 'ffmpeg', 'group'] as const).map((kind) => () => ruin.surely(kind, over.signal)),
    ]),
  ]
  const late = await queue.settled(AbortSignal.timeout(limitMs)).then(
    () => [],
    () => [`not all jobs had ended after ${limitMs / 1000} s`],
  )
  over.abort()
  await Promise.all(driving)
  await ruin.settled()
  const statuses = await Promise.all(workers.map((each) => each.end(60_000)))
  s3.calm()
  const unwilling = statuses.flatMap((status, i) =>
    status === 0 ? [] : [`worker-${i} ended with ${status} when it was asked to`],
  )
  const states = [...queue.ends.values()]
  const long = new Map([...queue.ends].filter(([id]) => isLong(Number(id.slice(4)))))
  const stalledTooOften = states.filter(({ reason }) => reason === GIVEN_UP).length
  return {
    ...{ seed, durable, jobs: count, kills: ruin.kills(), stops: ruin.stops() },
    ...{ restarts: restart.times(), cuts: cut.times(), addedAgain: queue.again() },
    succeeded: states.filter(({ state }) => state === 'completed').length,
    failed: states.filter(({ state }) => state === 'failed').length,
    stalledTooOften,
    faults: { storage: s3.faults(), media: media.faults() },
    seconds: Math.round((performance.now() - began) / 1000),
    violations: [
      ...late,
      ...unwilling,
      ...workers.flatMap(({ crashes }) => crashes),
      ...(await Promise.all(workers.map(leftBy))).flat(),
      ...(await Promise.all(workers.map(bugsOf))).flat(),
      ...unfinishedUploads(s3),
      ...orphans(s3, queue.ends),
      ...(await wrongEnds(expected, queue.ends)),
      ...(await longProblems(long, workers, right, dir)),
      ...(stalledTooOften > Math.ceil(GIVEN_UP_SHARE * count)
        ? [`${stalledTooOften} of ${count} jobs were lost too often for chance`]
        : []),
      ...(await queueViolations(queue.connection, [...expected.keys()])),
    ],
  }
}

const environment = (s3: StormyS3) => ({
  ...{ BULLMQ_LOCK_SEC: String(LOCK_S), CONCURRENCY: '3', STORAGE: 's3', S3_BUCKET: 'bucket' },
  S3_ENDPOINT: s3.origin.replace('127.0.0.1', 'localhost'),
  ...{ S3_KEY_ID: KEYS.keyId, S3_SECRET: KEYS.secret },
})

function someJob(random: Random, origin: string, i: number) {
  const hopeless = Object.keys(HOPELESS) as (keyof typeof HOPELESS)[]
  const file = random.pick([[17, 'face.mp4'], ...hopeless.map((name) => [1, name] as const)])
  const data = {
    ...{ video_url: `${origin}/${file}?job=${i}`, audio_url: `${origin}/voice.wav?job=${i}` },
    ...(random.chance(0.1) && { output: { crf: LARGE } }),
  }
  return { data, code: HOPELESS[file as keyof typeof HOPELESS] as string | undefined }
}

/** The first once a tenth of all jobs have ended, and so on: half of them are left when the last has happened. */
async function whileJobsEnd(
  { ended }: Pick<ReturnType<typeof queueJobs>, 'ended'>,
  count: number,
  over: AbortSignal,
  accidents: readonly (() => Promise<void>)[],
): Promise<void> {
  for (const [i, accident] of accidents.entries()) {
    if (!(await ended(((i + 1) * count) / (2 * accidents.length), over))) return
    await accident()
  }
}

/** Redis is killed and started again; one time after the other. */
function restartsOf(redis: RedisServer, random: Random) {
  let times = 0
  let last = Promise.resolve()
  const restart = (over: AbortSignal) => {
    last = last.then(async () => {
      await redis.kill()
      times++
      await waited(random.between(100, 3_000), over)
      await redis.start()
    })
    return last
  }
  return {
    surely: restart,
    /** @param leastMs between two; what is forgotten must have had the time to be done */
    async some(leastMs: number, over: AbortSignal) {
      while (await waited(random.between(leastMs, 2 * leastMs), over)) await restart(over)
    },
    times: () => times,
  }
}

/** Workers are cut off from Redis. */
function cutsOf(relays: readonly Relay[], random: Random) {
  let times = 0
  async function cut(over: AbortSignal) {
    const relay = relays[random.between(0, relays.length - 1)]!
    relay.cut()
    times++
    await waited(random.between(50, LONGEST_CUT_MS), over)
    relay.mend()
  }
  return {
    surely: cut,
    async some(over: AbortSignal) {
      while (await waited(random.between(1_000, 6_000), over)) await cut(over)
    },
    times: () => times,
  }
}

async function wrongEnds(
  expected: ReadonlyMap<string, string | undefined>,
  ends: ReadonlyMap<string, QueueEnd>,
): Promise<string[]> {
  const wrong: string[] = []
  for (const [id, code] of expected) {
    const end = ends.get(id)
    if (!end || end.reason === GIVEN_UP) continue // the former is told as being late
    const { state, result, reason } = end
    if (code === undefined && state === 'failed') wrong.push(`${id} failed: ${reason}`)
    if (code !== undefined && (state !== 'failed' || reason !== code))
      wrong.push(`${id} should have failed with ${code}, and ${state}: ${reason}`)
    if (state === 'completed')
      wrong.push(...(await objectProblem(id, String(result?.output_url), result?.sha256)))
  }
  return wrong
}

/** What nobody has foreseen, with where it came from. */
async function bugsOf({ id, dir }: Worker): Promise<string[]> {
  const log = await readFile(join(dir, 'log.jsonl'), 'utf8')
  return log.split('\n').flatMap((line) => (/"code":"BUG"/.test(line) ? `${id}: ${line}` : []))
}

/** Objects of the bucket that belong to no job that has succeeded. */
function orphans({ objects }: StormyS3, ends: ReadonlyMap<string, QueueEnd>): string[] {
  return [...objects.keys()]
    .filter((key) => {
      const end = ends.get(key.replace(/\.(mp4|mkv)(\.json)?$/, ''))
      return end?.state !== 'completed' && end?.reason !== GIVEN_UP
    })
    .map((key) => `the object ${key} belongs to no job that has succeeded`)
}
