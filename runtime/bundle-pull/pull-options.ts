import type { GuardedFetch } from '../../handler/net/guarded-fetch.ts'
import type { Timeouts } from '../../handler/net/timeouts.ts'
import type { LocalPlaces } from './local-files.ts'
import type { AcceptFile, FileSlot, LocalFile } from './official-files.ts'
import type { PullEvent } from './pull-events.ts'

/** Which of its forms a bundle is wanted in. */
export interface Variant {
  precision: 'fp32' | 'fp16'
  /** With a graph for CUDA alone. */
  cuda: boolean
}

/** How a bundle is made of its files; writes all of it, manifest included, into an empty folder. */
export interface Recipe {
  slots: readonly FileSlot[]
  /** Bytes of the bundle. */
  size(variant: Variant): Promise<number>
  /** Which weights will do that are not the official ones. */
  accepts: AcceptFile
  fill(
    checkpoints: readonly LocalFile[],
    out: string,
    variant: Variant,
    call: { signal: AbortSignal; onProgress(done: number, total: number): void },
  ): Promise<void>
}

export interface PullOptions {
  name: string
  /** Folder of the bundle. */
  directory: string
  recipe: Recipe
  variant: Variant
  /** Whether a bundle in another form is replaced. */
  exact: boolean
  places: LocalPlaces
  /** Base address of files in the official layout, asked before the hub. */
  mirror?: string
  endpoint: string
  token?: string
  /** Fetch nothing. */
  offline: boolean
  allowUnknown: boolean
  /** Leave the downloaded files where they are. */
  keep: boolean
  fetch: GuardedFetch
  timeouts: Timeouts
  /** Looks at a finished bundle before it takes its place. @throws ModelError */
  verify(directory: string, signal: AbortSignal): Promise<void>
  signal: AbortSignal
  onEvent(event: PullEvent): void
}
