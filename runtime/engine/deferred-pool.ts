import type { EngineStatus, RenderPool } from './pool.ts'

/**
 * A pool that is created later, when its models are there. Until then its engines are starting and
 * renders wait; where the models cannot be had, its engines are broken.
 *
 * @param size how many engines there will be
 * @param models resolves when the models are there
 */
export function deferPool(
  size: number,
  models: Promise<unknown>,
  create: () => RenderPool,
): RenderPool {
  let state: EngineStatus = { index: 0, state: 'starting', jobs: 0, restarts: 0 }
  let pool: RenderPool | undefined
  let closed = false
  const created = models.then(
    () => {
      if (closed) throw new Error('the pool was closed before its models were there')
      return (pool = create())
    },
    (error: Error) => {
      state = { ...state, state: 'broken', reason: error.message }
      throw error
    },
  )
  created.catch(() => {}) // whoever waits for it is told
  const whenCreated = async (signal: AbortSignal): Promise<RenderPool> => {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      void created.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
    })
  }
  return {
    render: async (task, call) => (await whenCreated(call.signal)).render(task, call),
    estimate: async (task, call) => (await whenCreated(call.signal)).estimate(task, call),
    ready: async (signal) => (await whenCreated(signal)).ready(signal),
    room: () => pool?.room() ?? size,
    status: () =>
      pool?.status() ?? Array.from({ length: size }, (_, index) => ({ ...state, index })),
    async [Symbol.asyncDispose]() {
      closed = true
      await pool?.[Symbol.asyncDispose]()
    },
  }
}
