/** How often something is tried, and how long it waits in between. */
export interface RetryPolicy {
  tries: number
  firstMs: number
  maxMs: number
}

/** How long this worker waits for other people's servers. */
export interface Timeouts {
  /** Name lookup, TCP and TLS together. */
  connectMs: number
  /** From a sent request to the end of the answer's headers. */
  headersMs: number
  /** A transfer that brings less than `stallBytes` in this time is given up and tried again. */
  stallMs: number
  stallBytes: number
  /** One input, all tries together. */
  downloadMs: number
  /** One request of an upload, without a byte of its body that the line takes, and for the answer then. */
  requestMs: number
  /** One upload, without a part of it that is stored. */
  uploadMs: number
  download: RetryPolicy
  upload: RetryPolicy
  webhook: RetryPolicy
}

/** Uploads and final webhooks carry finished work, so they outlast an outage of a minute. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  connectMs: 10_000,
  headersMs: 30_000,
  stallMs: 30_000,
  stallBytes: 16_384,
  downloadMs: 1_800_000,
  requestMs: 120_000,
  uploadMs: 1_800_000,
  download: { tries: 5, firstMs: 1_000, maxMs: 15_000 },
  upload: { tries: 8, firstMs: 1_000, maxMs: 30_000 },
  webhook: { tries: 8, firstMs: 5_000, maxMs: 120_000 },
}
