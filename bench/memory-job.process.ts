import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createWebhookSender } from '../handler/events/webhook-sender.ts'
import { handle } from '../handler/handle.ts'
import { silentLog } from '../handler/log.ts'
import { createGuardedFetch } from '../handler/net/guarded-fetch.ts'
import { directoryStorage } from '../handler/storage/directory.ts'
import { createRenderPool } from '../runtime/engine/pool.ts'
import type { Simulation } from './simulated/card.ts'

export interface MemoryJob {
  simulation: Simulation
  video: string
  audio: string
  /** Where everything goes. */
  dir: string
  stream: boolean
  /** Further fields of the job. */
  fields: Record<string, unknown>
  ffmpeg?: string
}

export interface MemoryOutcome {
  frames: number
  /** Largest resident size of the engine alone. */
  engineMb: number
  /** The most that the scratch folder held; the inputs are links. */
  diskMb: number
  resultMb: number
}

const SAMPLE_MS = 200
const mb = (bytes: number) => Math.round(bytes / 2 ** 20)

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const files = await Promise.all(
    names.map((name) => lstat(join(folder, name)).catch(() => undefined)),
  )
  return files.reduce((sum, file) => sum + (file?.isFile() ? file.blocks * 512 : 0), 0)
}

/** One job through a warm engine with a simulated card, into a folder. */
async function run(job: MemoryJob): Promise<MemoryOutcome> {
  const { simulation, video, audio, dir, stream, fields, ffmpeg } = job
  await using engines = createRenderPool({
    ...{ devices: [''], device: 'cuda', bundle: JSON.stringify(simulation), maxJobs: 1e6 },
    entry: new URL('./simulated/engine.process.ts', import.meta.url),
    ...(ffmpeg !== undefined && { ffmpegPath: ffmpeg }),
    log: silentLog,
  })
  await engines.ready(AbortSignal.timeout(300_000))
  const fetch = createGuardedFetch({ isBlocked: () => false })
  const scratch = join(dir, 'scratch')
  let most = 0
  const sampler = setInterval(() => {
    void sizeOf(scratch).then((bytes) => (most = Math.max(most, bytes)))
  }, SAMPLE_MS)
  const inputs = { video_url: video, audio_url: audio }
  const payload = { id: 'memory', ...inputs, output: { stream }, ...fields }
  const result = await handle(payload, {
    ...{ fetch, scratch, render: engines.render, allowFileInputs: true, log: silentLog },
    webhooks: createWebhookSender({ fetch }),
    storage: directoryStorage(join(dir, 'out')),
    limits: { maxVideoS: 3600, maxAudioS: 3600, maxPixels: 1e8, maxInputBytes: 1e10 },
  })
  clearInterval(sampler)
  return {
    frames: result.frames,
    engineMb: result.peak_memory_mb,
    diskMb: mb(most),
    resultMb: mb(result.bytes),
  }
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as MemoryJob)))
