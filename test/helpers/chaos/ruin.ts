import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../orchestrator/random.ts'
import type { Worker } from './worker.ts'

/** Kills and stops workers, and starts them again. */
export function ruinOf(workers: readonly Worker[], random: Random) {
  const deaths = new Map<Worker, Promise<void>>()
  let kills = 0
  const stops = { group: 0, ffmpeg: 0 }

  async function killAndStart(victim: Worker) {
    if (!(await victim.kill(random.chance(0.5)))) return
    kills++
    await startAgain(victim)
  }
  async function stopAndStart(victim: Worker) {
    if (!(await victim.stopGroup())) return
    stops.group++
    await startAgain(victim)
  }
  async function startAgain(victim: Worker) {
    await pause(random.between(50, 1_500))
    victim.start()
  }
  /** One thing at a time befalls a worker. */
  async function befall(victim: Worker | undefined, end: (victim: Worker) => Promise<void>) {
    if (!victim || deaths.has(victim)) return
    const death = end(victim).finally(() => deaths.delete(victim))
    deaths.set(victim, death)
    await death
  }
  const happened = { kill: () => kills, group: () => stops.group, ffmpeg: () => stops.ffmpeg }

  async function strike(kind: keyof typeof happened, victim: Worker) {
    if (kind === 'kill') await befall(victim, killAndStart)
    else if (kind === 'group') await befall(victim, stopAndStart)
    else if (!deaths.has(victim) && (await victim.stopFfmpegs())) stops.ffmpeg++
  }
  return {
    kill: (victim: Worker | undefined) => befall(victim, killAndStart),
    /** Tries one worker after the other until it has happened. */
    async surely(kind: keyof typeof happened, over: AbortSignal) {
      const before = happened[kind]()
      for (let i = random.between(0, 99); happened[kind]() === before; i++) {
        await strike(kind, workers[i % workers.length]!)
        if (!(await waited(50, over))) return
      }
    },
    kills: () => kills,
    stops: () => stops,
    settled: () => Promise.all(deaths.values()),
    async some(over: AbortSignal) {
      while (await waited(random.between(3_000, 12_000), over)) {
        const victim = workers[random.between(0, workers.length - 1)]!
        const kind = random.pick([
          [3, 'kill'],
          [1, 'group'],
          [2, 'ffmpeg'],
        ] as const)
        await strike(kind, victim)
      }
    },
  }
}

/** @returns whether it was waited to the end */
export const waited = (ms: number, signal: AbortSignal) =>
  pause(ms, true, { signal }).catch(() => false)
