/** How often progress is reported. */
export const PROGRESS_MS = 500

/** A file of the plan. */
export interface PlannedFile {
  path: string
  bytes: number
  license: string
  origin: string
}

/** What a pull reports while it works. */
export type PullEvent =
  /** Another process pulls the same bundle. */
  | { type: 'waiting'; host: string; pid: number }
  | {
      type: 'plan'
      name: string
      directory: string
      precision: string
      cuda: boolean
      /** The hub, or the address that is asked before it. */
      from: string
      here: (PlannedFile & { local: string })[]
      fetch: PlannedFile[]
      bundleBytes: number
      neededBytes: number
      freeBytes: number
    }
  | { type: 'note'; message: string }
  | {
      type: 'progress'
      phase: 'download' | 'fill' | 'verify'
      /** The largest file that is underway. */
      file?: string
      bytes: number
      total: number
      bytesPerSecond?: number
      etaS?: number | undefined
    }
