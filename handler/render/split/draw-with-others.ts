import { sleep } from '../../net/retry.ts'
import { allOrAbort } from '../../system/all-or-abort.ts'
import type { OfferedPart, RenderReport } from '../render-task.ts'

const LOOK_MS = 500

export interface Sharing {
  parts: number
  /** Tell others of a part. */
  offer(i: number): Promise<OfferedPart>
  /** Draw a part here. */
  draw(i: number, signal: AbortSignal): Promise<RenderReport>
  /** Frames of a part that are finished elsewhere. */
  tell(i: number, frames: number): void
  /** Renders that do nothing here. */
  idle(): number
}

/**
 * Have the parts of a result drawn by whoever has room: all are offered at once, and whenever a render
 * is idle here it takes back the last one that nobody has begun. So a job gets on where nobody else
 * does anything, and nobody waits for who cannot come.
 *
 * @returns the parts' reports in their order
 * @throws the first error of a part; the signal's reason
 */
export async function drawWithOthers(
  { parts, offer, draw, tell, idle }: Sharing,
  signal: AbortSignal,
): Promise<RenderReport[]> {
  const reports: RenderReport[] = []
  const left = new Set(Array(parts).keys())
  const offers: OfferedPart[] = []

  async function finish(i: number, signal: AbortSignal): Promise<void> {
    const elsewhere = await offers[i]!.drawn(signal, (frames) => tell(i, frames))
    reports[i] = elsewhere ?? (await draw(i, signal))
    left.delete(i)
  }

  async function takeBackWhileIdle(signal: AbortSignal): Promise<void> {
    const open = [...left]
    while (left.size > 0) {
      for (const i of open.toReversed()) {
        if (idle() === 0) break
        if (!(await offers[i]!.takeBack())) continue
        open.splice(open.indexOf(i), 1)
        break // its render is not idle any more, but only in a moment
      }
      await sleep(LOOK_MS, signal)
    }
  }

  try {
    for (const i of left) {
      signal.throwIfAborted()
      offers.push(await offer(i))
    }
    const finishing = offers.map((_, i) => (signal: AbortSignal) => finish(i, signal))
    const over = new AbortController()
    const taking = takeBackWhileIdle(AbortSignal.any([signal, over.signal])).catch(() => {})
    await allOrAbort(signal, finishing).finally(() => over.abort())
    await taking
    return reports
  } finally {
    const reason: unknown = signal.aborted ? signal.reason : undefined
    await Promise.all(offers.map((each) => each.withdraw(reason)))
  }
}
