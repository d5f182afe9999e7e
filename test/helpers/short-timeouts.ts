import type { Timeouts } from '../../handler/net/timeouts.ts'

const QUICK = { tries: 3, firstMs: 5, maxMs: 20 }

/** Limits that a test waits for; whatever shall arrive needs more on a busy machine. */
export const IMPATIENT = { connectMs: 500, headersMs: 400, stallMs: 300, requestMs: 2_000 }

/** Shorter than the worker's own. */
export const shortTimeouts = (changes: Partial<Timeouts> = {}): Timeouts => ({
  connectMs: 5_000,
  headersMs: 4_000,
  stallMs: 3_000,
  stallBytes: 1000,
  downloadMs: 60_000,
  requestMs: 10_000,
  uploadMs: 60_000,
  download: QUICK,
  upload: QUICK,
  webhook: QUICK,
  ...changes,
})
