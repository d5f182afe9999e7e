/** The speed of downloads, of which the later ones count more. */
export interface Speed {
  add(bytes: number, seconds: number): void
  /** Megabits per second; 0 before the first download. */
  mbps(): number
}

/** Smaller files tell more of the way to the server than of the line. */
const LEAST_BYTES = 200_000

export function createThroughputMeter(): Speed {
  let mbps = 0
  return {
    add(bytes, seconds) {
      if (bytes < LEAST_BYTES || seconds <= 0) return
      const now = (bytes * 8) / 1e6 / seconds
      mbps = mbps === 0 ? now : (mbps + now) / 2
    },
    mbps: () => mbps,
  }
}
