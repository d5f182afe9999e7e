/** A stored object, as it was found after it was written. */
export interface Stored {
  url: string
  bytes: number
  sha256: string
}

/** Where results go. */
export interface Storage {
  /** Name for logs: `directory`, `s3`, … */
  readonly kind: string
  /**
   * Store a file under a key and check that it is there; resolves when it is, or rejects.
   * @throws UpstreamError UPLOAD_FAILED, WorkerError DISK_FULL
   */
  put(key: string, file: string, signal: AbortSignal): Promise<Stored>
}
