/** How far several transfers have got together, and how fast they are. */
export interface TransferMeter {
  /** Bytes that came just now; negative where a transfer starts over. */
  add(bytes: number): void
  /** Bytes that were there before: they count, but not as speed. */
  skip(bytes: number): void
  /** More is to come than was thought, or less. */
  expect(bytes: number): void
  read(): TransferState
}

export interface TransferState {
  bytes: number
  total: number
  bytesPerSecond: number
  /** Undefined while nothing moves. */
  etaS: number | undefined
}

/** Long enough to be calm, short enough to follow a line that changes. */
const WINDOW_MS = 10_000
/** A sample for each chunk would be thousands. */
const SAMPLE_MS = 200

export function createTransferMeter(total = 0, now = () => performance.now()): TransferMeter {
  let [bytes, expected, moved] = [0, total, 0]
  let samples = [{ at: now(), moved: 0 }]
  return {
    add(count) {
      bytes += count
      if (count < 0) return
      moved += count
      const at = now()
      if (at - samples.at(-1)!.at < SAMPLE_MS) return
      samples.push({ at, moved })
      samples = samples.filter((sample, i) => at - sample.at <= WINDOW_MS || i > samples.length - 3)
    },
    skip: (count) => void (bytes += count),
    expect: (count) => void (expected += count),
    read() {
      const { at, moved: before } = samples[0]!
      const seconds = (now() - at) / 1000
      const bytesPerSecond = seconds > 0 ? (moved - before) / seconds : 0
      const etaS = bytesPerSecond > 0 ? (expected - bytes) / bytesPerSecond : undefined
      return { bytes, total: expected, bytesPerSecond, etaS }
    },
  }
}
