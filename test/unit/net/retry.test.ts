import { describe, expect, test, vi } from 'vitest'
import { NetworkError } from '../../../handler/net/network-error.ts'
import { createRetry, parseRetryAfter, retry } from '../../../handler/net/retry.ts'

const signal = new AbortController().signal

/** How long each pause was until none was left, by a clock that the test moves. */
async function pauses(random: number, afterMs?: number): Promise<number[]> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const tries = createRetry({ tries: 5, firstMs: 100, maxMs: 300 }, () => random)
    const lengths: number[] = []
    for (;;) {
      const start = performance.now()
      const paused = tries.pause(new Error('failed'), signal, afterMs).then(
        () => true,
        () => false,
      )
      await vi.runAllTimersAsync()
      if (!(await paused)) return lengths
      lengths.push(Math.round(performance.now() - start))
    }
  } finally {
    vi.useRealTimers()
  }
}

describe('pauses', () => {
  test('double up to a limit, and half of each is chance', async () => {
    expect(await pauses(1)).toEqual([100, 200, 300, 300])
    expect(await pauses(0)).toEqual([50, 100, 150, 150])
  })
  test('are as long as the server asks, within reason', async () => {
    expect(await pauses(0, 1000)).toEqual([1000, 1000, 1000, 1000])
    expect(await pauses(0, 1e9)).toEqual([2400, 2400, 2400, 2400])
  })
  test('end at once with the reason of an abort', async () => {
    const stop = new AbortController()
    const paused = createRetry({ tries: 2, firstMs: 60_000, maxMs: 60_000 }).pause('x', stop.signal)
    stop.abort(new Error('enough'))
    await expect(paused).rejects.toThrow('enough')
  })
})

test('the last failure is thrown when no try is left, and progress gives all of them back', async () => {
  const tries = createRetry({ tries: 2, firstMs: 1, maxMs: 1 })
  await tries.pause(new Error('first'), signal)
  await expect(tries.pause(new Error('second'), signal)).rejects.toThrow('second')
  tries.reset()
  await tries.pause(new Error('third'), signal)
  expect(tries.count).toBe(3)
})

test('Retry-After is seconds or a date, and else nothing', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  expect(parseRetryAfter('3', now)).toBe(3000)
  expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:10 GMT', now)).toBe(10_000)
  expect(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0)
  expect(parseRetryAfter('soon', now)).toBeUndefined()
  expect(parseRetryAfter(undefined, now)).toBeUndefined()
})

describe('retry', () => {
  const policy = { tries: 3, firstMs: 1, maxMs: 1 }
  test('runs again what another try may mend, and says which try failed', async () => {
    const failed: number[] = []
    const run = async (attempt: number) => {
      if (attempt < 3) throw new NetworkError('closed the connection')
      return attempt
    }
    const onFailure = (_error: unknown, attempt: number) => void failed.push(attempt)
    expect(await retry(run, policy, signal, { onFailure })).toBe(3)
    expect(failed).toEqual([1, 2])
  })
  test.each([new NetworkError('gone', { permanent: true }), new TypeError('a bug')])(
    'runs once what no try can mend: %s',
    async (error) => {
      const run = vi.fn<() => Promise<never>>().mockRejectedValue(error)
      await expect(retry(run, policy, signal)).rejects.toBe(error)
      expect(run).toHaveBeenCalledTimes(1)
    },
  )
  test('throws the last failure, or the reason of the signal', async () => {
    const run = (attempt: number) => Promise.reject(new NetworkError(`try ${attempt}`))
    await expect(retry(run, policy, signal)).rejects.toThrow('try 3')
    const stop = new AbortController()
    const aborting = retry(
      () => {
        stop.abort(new Error('enough'))
        return Promise.reject(new NetworkError('refused'))
      },
      policy,
      stop.signal,
    )
    await expect(aborting).rejects.toThrow('enough')
  })
})
