import type { JobError } from '../../handler/errors.ts'
import type { Log } from '../../handler/log.ts'
import type { EstimateRender } from '../../handler/render/estimate-render.ts'
import type { Render } from '../../handler/render/render-task.ts'
import type { BundleName, InitOptions } from './ipc-messages.ts'

export interface EngineStatus {
  index: number
  /** `broken`: it cannot start; `reason` says what to do, and it is tried again now and then. */
  state: 'starting' | 'ready' | 'busy' | 'broken'
  device?: 'cuda' | 'cpu'
  bundle?: BundleName
  pid?: number
  /** Renders that ended, well or badly. */
  jobs: number
  restarts: number
  rss_mb?: number
  /** Why it is not ready. */
  reason?: string
}

export interface EngineOptions {
  index: number
  entry: URL
  env: NodeJS.ProcessEnv
  setup: InitOptions
  /** Replaced after so many renders, or when it is larger than so many MB after one. */
  maxJobs: number
  maxMb: number
  silenceMs: number
  /** Renders at once; two on a GPU where unset, so that one makes ready while the other ends. */
  renders?: number
  /** What an aborted render may take to stop before its process is killed. */
  graceMs: number
  /** What a start may take: a large bundle on a slow disk. */
  startMs: number
  log: Log
  /** Told of every change of state. */
  changed(): void
}

export interface Engine {
  /** Takes a render while `free()`. @throws RenderInterrupted, beside what a render throws */
  render: Render
  free(): boolean
  /** Takes an estimate while `alive()`, beside its renders. @throws RenderInterrupted, beside what it throws */
  estimate: EstimateRender
  alive(): boolean
  /** Renders that it has. */
  load(): number
  status(): EngineStatus
  /** Why it cannot start. */
  failure(): JobError | undefined
  stop(): Promise<void>
}
