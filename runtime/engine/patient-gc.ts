import { setFlagsFromString } from 'node:v8'

/**
 * What passes between threads and through pipes lives for a moment, in memory outside of the heap. V8 takes it
 * for memory that only a full collection gives back, and starts one again and again: an eighth of an engine's
 * processor time at 1080p. Counted together with the heap, which may be 128 MB, it is left to the small
 * collections, which free it as well. Where V8 does not know a flag any more, it says so and goes on.
 */
export function collectPatiently(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--initial-old-space-size=128')
}
