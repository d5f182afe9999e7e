import { setFlagsFromString } from 'node:v8'

/**
 * Frames come through pipes in buffers of 64 KB that live for a moment. V8 takes them for memory that only a
 * full collection of the heap gives back, and starts one for every few frames: a tenth of a render's processor
 * time. Counted together with the heap, which may be 128 MB, they are left to the small collections, which free
 * them as well. Where V8 does not know a flag any more, it says so and goes on.
 */
export function collectPatiently(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--initial-old-space-size=128')
}
