import { Worker } from 'node:worker_threads'
import { PixelError } from '../errors.ts'
import type { PixelOperations } from '../pixel-operations.ts'

/** One operation and what it works on. */
export type PixelCall = {
  [K in keyof PixelOperations]: { operation: K; args: Parameters<PixelOperations[K]> }
}[keyof PixelOperations]

export interface PixelRequest {
  id: number
  call: PixelCall
}

export interface PixelResponse {
  id: number
  value?: unknown
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
   * @throws PixelError
   */
  call(call: PixelCall, owned?: readonly ArrayBuffer[]): Promise<unknown>
  /** Calls without an answer yet. */
  waiting(): number
  /** It ended unasked; calls are refused. */
  dead(): boolean
  stop(): Promise<void>
}

interface PendingCall {
  resolve(value: unknown): void
  reject(error: Error): void
}

export function startPixelThread(entry = workerEntry()): PixelThread {
  const worker = new Worker(entry, { name: 'pixels' })
  const pending = new Map<number, PendingCall>()
  let next = 0
  let death: PixelError | undefined

  worker.on('message', ({ id, value, error }: PixelResponse) => {
    const caller = pending.get(id)
    pending.delete(id)
    if (error) caller?.reject(new PixelError(error.kind, error.message))
    else caller?.resolve(value)
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
    call(call, owned = []) {
      if (death) return Promise.reject(death)
      const id = next++
      worker.ref() // an idle thread must not keep the process alive, a busy one must
      worker.postMessage({ id, call } satisfies PixelRequest, owned)
      return new Promise((resolve, reject) => pending.set(id, { resolve, reject }))
    },
    waiting: () => pending.size,
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
