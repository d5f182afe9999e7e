import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Life } from '../orchestrator/invariants.ts'
import { descendantsOf } from './process-tree.ts'
import { bareEnvironment } from '../children/bare-environment.ts'

const LISTENING = '"worker.listening"'
const CHILD = fileURLToPath(new URL('../children/pull-worker.child.ts', import.meta.url))
const NAMES = fileURLToPath(new URL('../children/flaky-names.preload.ts', import.meta.url))
/** Its parent becomes a program that buries nobody, as in containers whose first process is `sleep`. */
const PARENT = '"$@" 3>&- & echo $! >&3; exec sleep 100000'

/** A worker with a folder of its own that is killed and started again, always as the same one. */
export interface Worker {
  id: string
  dir: string
  lives: Life[]
  /** Ends that nobody has asked for, in words. */
  crashes: string[]
  start(): void
  /**
   * What nobody can catch; its render process notices by itself.
   * @param buried false: it stays a zombie beside the next life
   * @returns whether it lived
   */
  kill(buried: boolean): Promise<boolean>
  /** SIGTERM to it and all that it has started, as a service manager sends it. @returns whether it lived */
  stopGroup(): Promise<boolean>
  /** SIGTERM to its ffmpegs alone. @returns whether there were any */
  stopFfmpegs(): Promise<boolean>
  /**
   * Ask it to end, once it has got so far that it can hear.
   * @returns its exit status, or the number of the signal that ended it, below 0
   */
  end(limitMs: number): Promise<number>
}

/** One process of a worker, a grandchild of the test's. */
interface Body {
  parent: ChildProcess
  pid: Promise<number>
  /** Exit status, or minus the number of the signal. */
  ended: Promise<number>
  hears: Promise<void>
  life: Life
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
    ...{ ...bareEnvironment(), FFMPEG_PATH: process.env['FFMPEG_PATH'], HOME: dir },
    ...{ HOST: '127.0.0.1', PORT: '0' },
    ...(env['WORKER_MODE'] === 'buffer' ? { BUFFER_WORKER_ID: id } : { WORKER_ID: id }),
    ...{ STATE_DIR: join(dir, 'state'), SCRATCH_DIR: join(dir, 'scratch') },
    ...{ CACHE_DIR: join(dir, 'cache'), DRAIN_SEC: '30', ...env },
  }
  const log = createWriteStream(join(dir, 'log.jsonl'), { flags: 'a' })
  const crashes: string[] = []
  const unburied: ChildProcess[] = []
  let body: Body | undefined

  function spawnBody(): Body {
    const program = [process.execPath, '--import', pathToFileURL(NAMES).href, CHILD]
    const parent = spawn('sh', ['-c', PARENT, 'sh', ...program], {
      ...{ env: environment, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
    })
    for (const pipe of [parent.stdout!, parent.stderr!]) pipe.pipe(log, { end: false })
    const line = once(createInterface(parent.stdio[3] as Readable), 'line') as Promise<[string]>
    const pid = line.then(([text]) => Number(text))
    const life = { worker: id, from: now(), to: Infinity }
    return {
      ...{ parent, pid, life, ended: pid.then(statusWhenDead) },
      hears: new Promise((resolve) => {
        parent.stderr!.on('data', (text) => String(text).includes(LISTENING) && resolve())
      }),
    }
  }

  /** @returns whether it lived, and its exit status */
  async function stop(signal: NodeJS.Signals, targets: (pid: number) => number[]) {
    const { life, pid, ended } = body!
    const lived = life.to === Infinity
    if (lived) life.to = now()
    send(signal, targets(await pid))
    return { lived, status: await ended }
  }

  return {
    ...{ id, dir, lives, crashes },
    start() {
      const mine = spawnBody()
      body = mine
      lives.push(mine.life)
      let lastWords = ''
      mine.parent.stderr!.on('data', (text) => (lastWords = (lastWords + String(text)).slice(-800)))
      void mine.ended.then((status) => {
        if (mine.life.to !== Infinity) return
        mine.life.to = now()
        crashes.push(`${id} ended by itself: ${status}: ${lastWords}`)
      })
    },
    async kill(buried) {
      const { parent } = body!
      const { lived } = await stop('SIGKILL', (pid) => [pid])
      if (buried) parent.kill('SIGKILL')
      else unburied.push(parent)
      return lived
    },
    async stopGroup() {
      await Promise.race([body!.hears, body!.ended])
      const { lived, status } = await stop('SIGTERM', (pid) => [pid, ...descendantsOf(pid)])
      if (lived && status !== 0) crashes.push(`${id} ended with ${status}, asked with its group`)
      body!.parent.kill('SIGKILL')
      return lived
    },
    async stopFfmpegs() {
      const ffmpegs = descendantsOf(await body!.pid, 'ffmpeg')
      send('SIGTERM', ffmpegs)
      return ffmpegs.length > 0
    },
    async end(limitMs) {
      const pid = await body!.pid
      const late = setTimeout(() => send('SIGKILL', [pid]), limitMs)
      await Promise.race([body!.hears, body!.ended])
      const { status } = await stop('SIGTERM', () => [pid])
      clearTimeout(late)
      for (const parent of [...unburied, body!.parent]) parent.kill('SIGKILL')
      return status
    },
  }
}

function send(signal: NodeJS.Signals, pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // it was faster
    }
  }
}

const EXIT_CODE = 49 // in the fields behind the name, see proc(5)

/** @returns the exit status of a process that is not ours to wait for, once it is a zombie */
async function statusWhenDead(pid: number): Promise<number> {
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (stat === '') return 0 // buried before it was looked at
    const code = Number(fields[EXIT_CODE])
    if (fields[0] === 'Z') return (code & 127) > 0 ? -(code & 127) : code >> 8
    await pause(20)
  }
}
