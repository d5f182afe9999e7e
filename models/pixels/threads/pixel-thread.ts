import { Worker } from 'node:worker_threads'
import { PixelError } from '../errors.ts'
import type { PixelOperations } from '../pixel-operations.ts'

/** One operation and what it works on. */
export type PixelCall = {
  [K in keyof PixelOperations]: { operation: K; args: Readonly<Parameters<PixelOperations[K]>> }
}[keyof PixelOperations]

/** What is done one after the other for one message: each costs as much as a small operation. */
export interface PixelRequest {
  id: number
  calls: readonly PixelCall[]
}

export interface PixelResponse {
  id: number
  /** One for each call. */
  values?: unknown[]
  error?: { kind: PixelError['kind']; message: string }
}

export function callOperation(
  operations: PixelOperations,
  { operation, args }: PixelCall,
): unknown {
  const run = operations[operation] as (...args: unknown[]) => unknown
  return run(...args)
}

/** A thread that does pixel work, call after call. */
export interface PixelThread {
  /**
   * @param owned buffers that the thread gets instead of copies
   * @returns what each call returns
   * @throws PixelError of the first that fails; those after it are not done
   */
  run(calls: readonly PixelCall[], owned?: readonly ArrayBuffer[]): Promise<unknown[]>
  /** Calls without an answer yet. */
  waiting(): number
  /** It ended unasked; calls are refused. */
  dead(): boolean
  stop(): Promise<void>
}

interface PendingCalls {
  count: number
  resolve(values: unknown[]): void
  reject(error: Error): void
}

export function startPixelThread(entry = workerEntry()): PixelThread {
  const worker = new Worker(entry, { name: 'pixels' })
  const pending = new Map<number, PendingCalls>()
  let next = 0
  let waiting = 0
  let death: PixelError | undefined

  worker.on('message', ({ id, values, error }: PixelResponse) => {
    const caller = pending.get(id)
    pending.delete(id)
    waiting -= caller?.count ?? 0
    if (error) caller?.reject(new PixelError(error.kind, error.message))
    else caller?.resolve(values!)
    if (pending.size === 0) worker.unref()
  })
  const die = (kind: PixelError['kind'], why: string, cause?: unknown) => {
    death ??= new PixelError(kind, `a pixel thread died: ${why}`, { cause })
    for (const caller of pending.values()) caller.reject(death)
    pending.clear()
  }
  worker.on('error', (cause: NodeJS.ErrnoException) =>
    die(cause.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'thread', String(cause), cause),
  )
  worker.on('exit', (code) => die('thread', `it ended with ${code}`))
  worker.unref()

  return {
    run(calls, owned = []) {
      if (death) return Promise.reject(death)
      const id = next++
      worker.ref() // an idle thread must not keep the process alive, a busy one must
      worker.postMessage({ id, calls } satisfies PixelRequest, owned)
      const count = calls.length
      waiting += count
      return new Promise((resolve, reject) => pending.set(id, { count, resolve, reject }))
    },
    waiting: () => waiting,
    dead: () => death !== undefined,
    async stop() {
      await worker.terminate()
    },
  }
}

const workerEntry = () =>
  new URL(
    import.meta.url.endsWith('.ts') ? './pixels.worker.ts' : './pixels.worker.js',
    import.meta.url,
  )
