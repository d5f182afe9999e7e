import { expect, test } from 'vitest'
import { CanceledError } from '../../../handler/errors.ts'
import type { OfferedPart, RenderReport } from '../../../handler/render/render-task.ts'
import { drawWithOthers } from '../../../handler/render/split/draw-with-others.ts'

const reportOf = (encoder: string) => ({ encoder }) as RenderReport

/** Parts that others draw in the given order, or never; what is drawn here says so. */
function offered(elsewhere: readonly boolean[], idle = () => 1) {
  const withdrawn: unknown[] = []
  const told: [number, number][] = []
  const offer = async (i: number): Promise<OfferedPart> => {
    const { promise: back, resolve } = Promise.withResolvers<undefined>()
    return {
      async takeBack() {
        if (elsewhere[i]) return false
        resolve(undefined)
        return true
      },
      async drawn(signal, onProgress) {
        signal.throwIfAborted()
        onProgress(7)
        if (elsewhere[i]) return reportOf(`${i} there`)
        const aborted = new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        })
        return Promise.race([back, aborted])
      },
      async withdraw(reason) {
        withdrawn.push(reason)
      },
    }
  }
  const draw = async (i: number) => reportOf(`${i} here`)
  const tell = (i: number, frames: number) => void told.push([i, frames])
  const parts = elsewhere.length
  const run = (signal = AbortSignal.any([])) =>
    drawWithOthers({ parts, offer, draw, tell, idle }, signal)
  return { run, withdrawn, told }
}

test('what nobody has begun is drawn here, and all offers end', async () => {
  const { run, withdrawn, told } = offered([true, false, true])
  const reports = await run()
  expect(reports.map(({ encoder }) => encoder)).toEqual(['0 there', '1 here', '2 there'])
  expect(withdrawn).toEqual([undefined, undefined, undefined])
  expect(told.toSorted(([a], [b]) => a - b)).toEqual([
    [0, 7],
    [1, 7],
    [2, 7],
  ])
})

test('nothing is taken back while no render is idle; a stop is told to all offers', async () => {
  const stop = new AbortController()
  const reason = new CanceledError('SHUTDOWN', 'for the test')
  const idle = () => {
    stop.abort(reason)
    return 0
  }
  const { run, withdrawn } = offered([false, false], idle)
  await expect(run(stop.signal)).rejects.toBe(reason)
  expect(withdrawn).toEqual([reason, reason])
})
