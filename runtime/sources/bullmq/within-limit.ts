const LIMIT_MS = 10_000

/**
 * The answer of a Redis that may be away: BullMQ waits for its connection, for ever if need be.
 * @param late told of an answer that nobody waits for any more
 * @throws Error after ten seconds
 */
export async function withinLimit<T>(
  run: () => Promise<T>,
  late?: (value: T) => unknown,
): Promise<T> {
  const deadline = AbortSignal.timeout(LIMIT_MS)
  const { promise: over, reject } = Promise.withResolvers<never>()
  deadline.onabort = () => reject(new Error(`did not answer within ${LIMIT_MS / 1000} s`))
  const answer = run()
  if (late) answer.then((value) => deadline.aborted && late(value)).catch(() => {})
  try {
    return await Promise.race([answer, over])
  } finally {
    deadline.onabort = null
  }
}
