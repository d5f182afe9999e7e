/**
 * Run tasks side by side. The first that fails stops the others, and all of them have really ended
 * when this returns, so that nobody writes into a folder that is being removed.
 */
export async function allOrAbort<T>(
  signal: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
): Promise<T[]> {
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const ends = await Promise.allSettled(
    tasks.map(async (task) => {
      try {
        return await task(either)
      } catch (error) {
        failed.abort(error)
        throw error
      }
    }),
  )
  signal.throwIfAborted()
  failed.signal.throwIfAborted()
  return ends.map((end) => (end as PromiseFulfilledResult<T>).value)
}
