import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Life } from '../orchestrator/invariants.ts'

const LISTENING = '"worker.listening"'
const CHILD = fileURLToPath(new URL('../children/pull-worker.child.ts', import.meta.url))

/** A worker with a folder of its own that is killed and started again, always as the same one. */
export interface Worker {
  id: string
  dir: string
  lives: Life[]
  /** Ends that nobody has asked for, in words. */
  crashes: string[]
  start(): void
  /** What nobody can catch; its render process notices by itself. @returns whether it lived */
  kill(): Promise<boolean>
  /**
   * Ask it to end, once it has got so far that it can hear.
   * @returns its exit status, or the signal that ended it: SIGKILL where it took too long
   */
  end(limitMs: number): Promise<number | NodeJS.Signals | null>
}

/** @param now the orchestrator's clock */
export async function worker(
  id: string,
  root: string,
  env: Record<string, string>,
  now: () => number,
): Promise<Worker> {
  const dir = join(root, id)
  await mkdir(dir, { recursive: true })
  const lives: Life[] = []
  const environment = {
    ...{ PATH: process.env['PATH'], FFMPEG_PATH: process.env['FFMPEG_PATH'], HOME: dir },
    ...{ HOST: '127.0.0.1', PORT: '0' },
    ...(env['WORKER_MODE'] === 'buffer' ? { BUFFER_WORKER_ID: id } : { WORKER_ID: id }),
    ...{ STATE_DIR: join(dir, 'state'), SCRATCH_DIR: join(dir, 'scratch') },
    ...{ CACHE_DIR: join(dir, 'cache'), DRAIN_SEC: '30', ...env },
  }
  const log = createWriteStream(join(dir, 'log.jsonl'), { flags: 'a' })
  let child: ChildProcess | undefined
  let ended: Promise<unknown> = Promise.resolve()
  let hears: Promise<void> = Promise.resolve()
  let life: Life | undefined

  const crashes: string[] = []
  const stop = async (signal: NodeJS.Signals) => {
    const lived = life?.to === Infinity
    if (lived) life!.to = now()
    child?.kill(signal)
    await ended
    return lived
  }
  return {
    ...{ id, dir, lives, crashes },
    start() {
      const spawned = spawn(process.execPath, [CHILD], {
        ...{ env: environment, stdio: ['ignore', 'pipe', 'pipe'] },
      })
      spawned.stdout.pipe(log, { end: false })
      spawned.stderr.pipe(log, { end: false })
      child = spawned
      ended = once(spawned, 'exit')
      hears = new Promise((resolve) => {
        spawned.stderr.on('data', (text) => String(text).includes(LISTENING) && resolve())
      })
      life = { worker: id, from: now(), to: Infinity }
      const mine = life
      lives.push(mine)
      spawned.once('exit', (code, signal) => {
        if (mine.to !== Infinity) return
        mine.to = now()
        crashes.push(`${id} ended by itself: ${signal ?? code}`)
      })
    },
    kill: () => stop('SIGKILL'),
    async end(limitMs) {
      const late = setTimeout(() => child?.kill('SIGKILL'), limitMs)
      await Promise.race([hears, ended])
      await stop('SIGTERM')
      clearTimeout(late)
      return child!.exitCode ?? child!.signalCode
    },
  }
}
