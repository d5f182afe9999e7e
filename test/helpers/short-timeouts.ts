import type { Timeouts } from '../../handler/net/timeouts.ts'

const QUICK = { tries: 3, firstMs: 5, maxMs: 20 }

/** Limits that a test can wait for. */
export const shortTimeouts = (changes: Partial<Timeouts> = {}): Timeouts => ({
  connectMs: 500,
  headersMs: 400,
  stallMs: 300,
  stallBytes: 1000,
  downloadMs: 60_000,
  requestMs: 2_000,
  uploadMs: 60_000,
  download: QUICK,
  upload: QUICK,
  webhook: QUICK,
  ...changes,
})
