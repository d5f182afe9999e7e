import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const LOOK_MS = 2_000
const SLACK_BYTES = 8 << 20
/** What a heap may hold until a full collection is due, in MB. */
const HEAP = '--initial-old-space-size=128'

/**
 * Flags of a process that begins with `collectPatiently`. The space of young objects, of which each thread has one, would
 * double twice more, late in a long job, for nothing.
 */
export const PATIENT_FROM_THE_START = [HEAP, '--max-semi-space-size=4']

/** What `--expose-gc` adds to a context. @see V8, src/extensions/gc-extension.cc */
type CollectGarbage = (options: { type: 'major'; execution: 'async' }) => Promise<void>

/**
 * What passes between threads and through pipes lives for a moment, in memory outside of the heap. V8 takes it
 * for memory that only a full collection gives back, and starts one again and again: an eighth of an engine's
 * processor time at 1080p. Counted together with the heap, which may be 128 MB, it is left to the small
 * collections, which free most of it. What outlives those is looked for every few seconds, where there is some:
 * left to V8 it grew to 100 MB in minutes. Where V8 does not know a flag any more, it says so and goes on.
 */
export function collectPatiently(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString(HEAP)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('globalThis.gc') as CollectGarbage | undefined
  if (!collect) return
  let least = 0
  const look = () => {
    const { external_memory: held } = getHeapStatistics()
    least = Math.min(least, held)
    if (held < least + SLACK_BYTES) return
    void collect({ type: 'major', execution: 'async' })
    least = Infinity // memory is given back some time after
  }
  setInterval(look, LOOK_MS).unref()
}

/**
 * For a process that did not start with those flags, and renders: V8 reckons from what its last collection has left, some
 * 16 MB, how much more may come until the next; of twice that, a dozen were due in the four seconds in which a face is followed.
 */
export const letHeapGrow = (): void => setFlagsFromString('--heap-growing-percent=700')
