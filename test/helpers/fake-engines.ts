import { readFileSync, readdirSync } from 'node:fs'
import { createLog, silentLog } from '../../handler/log.ts'
import type { RenderReport, RenderTask } from '../../handler/render/render-task.ts'
import {
  createRenderPool,
  type RenderPool,
  type EnginesOptions,
} from '../../runtime/engine/pool.ts'
import type { Act, Start } from './children/fake-engine.child.ts'

/** Engines whose processes pretend (see fake-engine.child.ts). */
export function pretendEngines(changes: Partial<EnginesOptions> & { bundle?: Start } = {}) {
  return createRenderPool({
    devices: [''],
    device: 'cpu',
    bundle: 'well',
    maxJobs: 500,
    entry: new URL('./children/fake-engine.child.ts', import.meta.url),
    log: silentLog,
    ...changes,
  })
}

export interface Pretended {
  /** Never rejects: the report or the error. */
  ended: Promise<RenderReport | Error>
  /** The process that does it, once it has begun. */
  pid: Promise<number>
  /** Events that the render logged, in order. */
  events: string[]
  progress: number[]
  /** What its stages took. */
  stages: [stage: string, seconds: number][]
  /** Resolves when the render logs this event. */
  logged(event: string): Promise<Record<string, unknown>>
}

/** All that a pretended render looks at is the name of its act. */
const task = (video: Act) => ({ video }) as unknown as RenderTask

/** Start a pretended render. */
export function pretend(
  engines: RenderPool,
  act: Act,
  signal = new AbortController().signal,
): Pretended {
  const events: string[] = []
  const progress: number[] = []
  const stages: Pretended['stages'] = []
  const heard: { event: string; resolve: (fields: Record<string, unknown>) => void }[] = []
  const logged: Pretended['logged'] = (event) =>
    new Promise((resolve) => heard.push({ event, resolve }))
  const pid = logged('acting').then((fields) => fields['pid'] as number)
  const log = createLog((_level, event, fields) => {
    events.push(event)
    for (const one of heard) if (one.event === event) one.resolve(fields)
  })
  const onProgress = (done: number) => void progress.push(done)
  const onStage = (stage: string, seconds: number) => void stages.push([stage, seconds])
  const call = { signal, onProgress, onStage, log }
  const ended = engines.render(task(act), call).catch((error) => error)
  return { ended, pid, events, progress, stages, logged }
}

/** Whether a process runs; one that nobody has buried yet does not. */
export function alive(pid: number): boolean {
  const state = stateOf(String(pid))
  return state !== undefined && !'ZX'.includes(state.state)
}

/** Processes of a group that run. */
export const membersOf = (group: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && stateOf(name)?.group === group && alive(Number(name)))
    .map(Number)

/** Ends what a failing test would leave of a process group. */
export const reaper = (group: number): Disposable => ({
  [Symbol.dispose]: () => {
    for (const pid of membersOf(group)) process.kill(pid, 'SIGKILL')
  },
})

function stateOf(pid: string): { state: string; group: number } | undefined {
  try {
    // pid (name) state parent group ...: the name may hold anything, also brackets.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    return { state: fields[0]!, group: Number(fields[2]) }
  } catch {
    return undefined
  }
}
