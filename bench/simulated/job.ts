import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobDependencies } from '../../handler/job-context.ts'
import { handle } from '../../handler/handle.ts'
import { createLog, silentLog } from '../../handler/log.ts'
import { createGuardedFetch } from '../../handler/net/guarded-fetch.ts'
import { createWebhookSender } from '../../handler/events/webhook-sender.ts'
import { s3Storage } from '../../handler/storage/s3.ts'
import { KEYS } from '../../test/helpers/storage/strict-s3.ts'
import { createRenderPool } from '../../runtime/engine/pool.ts'
import { cpuTimeOf, since } from '../cpu-time.ts'
import type { Simulation } from './card.ts'
import type { CardUse } from './models.ts'

export interface Workload {
  simulation: Simulation
  video: string
  audio: string
  jobs: number
  /** Jobs that are handled at once, as CONCURRENCY says. */
  slots: number
  compat: boolean
  /** Whether they ask for `output.stream`. */
  stream: boolean
  ffmpeg?: string
}

export interface Outcome {
  frames: number
  wallS: number
  busyS: number
  /** Of the time from the first job's start to the last one's end. */
  share: number
  fps: number
  /**
   * Milliseconds of processor time per frame: both of our processes without the simulated card's thread;
   * this thread, which a real card would not have; all ffmpegs.
   */
  ownMs: number
  cardMs: number
  ffmpegMs: number
  /** `ownMs` and `cardMs` by what burns them. */
  threadMs: Record<string, number>
  /** Seconds from the first job's start to the first face that was generated. */
  firstS: number
  /** Seconds from the last frame that the encoder took to the stored result, of the slowest job. */
  tailS: number
  peakMb: number
  graphs: Record<string, { runs: number; batch: number }>
  stageTimes: Record<string, number>
}

const CARD_THREAD = 'graphs' // what the engine's thread is called that runs graphs

/** Jobs through a warm engine with a simulated card into a store on the loopback. */
export async function measureJobs(load: Workload): Promise<Outcome> {
  const dir = await mkdtemp(join(tmpdir(), 'musetalk-bench-'))
  const store = fork(new URL('./loopback-store.process.ts', import.meta.url), { execArgv: [] })
  try {
    const [endpoint] = (await once(store, 'message')) as [string]
    return await measured(load, dir, endpoint)
  } finally {
    await ended(store)
    await rm(dir, { recursive: true, force: true })
  }
}

async function measured(load: Workload, dir: string, endpoint: string): Promise<Outcome> {
  const { simulation, jobs, slots, compat, stream } = load
  await using engines = createRenderPool({
    devices: [''],
    device: 'cuda',
    bundle: JSON.stringify(simulation),
    maxJobs: 1e6,
    entry: new URL('./engine.process.ts', import.meta.url),
    ...(load.ffmpeg !== undefined && { ffmpegPath: load.ffmpeg }),
    log: silentLog,
  })
  await engines.ready(AbortSignal.timeout(300_000))

  let firstAt = 0
  let tailS = 0
  const use: CardUse = { busyMs: 0, graphs: {} }
  const fetch = createGuardedFetch({ isBlocked: () => false })
  const deps: Omit<JobDependencies, 'render'> = {
    fetch,
    storage: s3Storage({ endpoint, region: 'us-east-1', bucket: 'bucket', prefix: '', ...KEYS }),
    webhooks: createWebhookSender({ fetch, keys: [] }),
    limits: { maxVideoS: 3600, maxAudioS: 3600, maxPixels: 1e8, maxInputBytes: 1e10 },
    scratch: dir,
    allowFileInputs: true,
    log: silentLog,
  }

  const { pid } = engines.status()[0]!
  const before = [cpuTimeOf(process.pid), cpuTimeOf(pid!)] as const
  const began = performance.now()
  const results: Awaited<ReturnType<typeof handle>>[] = []
  let next = 0
  const slot = async () => {
    while (next < jobs) {
      const id = `bench-${next++}`
      const payload = { id, video_url: load.video, audio_url: load.audio, output: { stream } }
      const job = { ...payload, ...(compat && { compat: 'reference' }) }
      let lastFrameAt = 0
      const render: JobDependencies['render'] = (task, call) =>
        engines.render(task, {
          signal: call.signal,
          log: createLog((_level, event, fields) => {
            if (event === 'bench.generated') firstAt ||= performance.now()
            if (event === 'bench.card') add(use, fields as unknown as CardUse)
          }),
          onProgress(done, total) {
            if (done === total) lastFrameAt = performance.now()
            call.onProgress(done, total)
          },
        })
      results.push(await handle(job, { ...deps, render }))
      tailS = Math.max(tailS, (performance.now() - lastFrameAt) / 1000)
    }
  }
  await Promise.all(Array.from({ length: slots }, slot))
  const wallS = (performance.now() - began) / 1000
  const parent = since(before[0], cpuTimeOf(process.pid))
  const engine = since(before[1], cpuTimeOf(pid!))
  const frames = results.reduce((sum, result) => sum + result.frames, 0)
  const each = (seconds: number) => (seconds * 1000) / frames
  const cardMs = each(engine.threads[CARD_THREAD]!)
  return {
    frames,
    wallS,
    busyS: use.busyMs / 1000,
    share: use.busyMs / 1000 / wallS,
    fps: frames / wallS,
    ownMs: each(parent.own + engine.own) - cardMs,
    cardMs,
    ffmpegMs: each(engine.children),
    threadMs: {
      parent: each(parent.own),
      ...Object.fromEntries(
        Object.entries(engine.threads).map(([name, seconds]) => [name, each(seconds)]),
      ),
    },
    firstS: (firstAt - began) / 1000,
    tailS,
    peakMb: Math.max(...results.map((result) => result.peak_memory_mb)),
    graphs: Object.fromEntries(
      Object.entries(use.graphs).map(([graph, { runs, items }]) => [
        graph,
        { runs, batch: items / runs },
      ]),
    ),
    stageTimes: results[0]!.stage_times,
  }
}

function add(to: CardUse, { busyMs, graphs }: CardUse): void {
  to.busyMs += busyMs
  for (const [graph, { runs, items }] of Object.entries(graphs)) {
    const sum = (to.graphs[graph as keyof CardUse['graphs']] ??= { runs: 0, items: 0 })
    sum.runs += runs
    sum.items += items
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.disconnect()
  await gone
}
