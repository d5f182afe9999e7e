import { WorkerError } from '../../handler/errors.ts'
import type { RenderPool } from '../engine/pool.ts'
import type { BuildInfo } from '../config/identity.ts'
import type { Shutdown } from '../shutdown.ts'
import type { PullStatus, SourceContact } from '../http/app-options.ts'
import type { Health, WorkerState } from '../http/app-options.ts'

export const allEnginesBroken = (engines: RenderPool) =>
  engines.status().every(({ state }) => state === 'broken')

export const cannotRenderError = () =>
  new WorkerError('MODEL_BROKEN', 'this worker cannot render now; its log says why')

/** Probes need no key, so that what they are told names files but not where they are. */
const withoutFolders = (text: string): string =>
  text.replaceAll(/(?<![\w.:/])(?:file:\/\/)?\/(?:[^\s'"`,;:]+\/)+/g, '').slice(0, 500)

/** What probes and people are told of the worker's state. */
export function healthOf(
  stop: Shutdown,
  engines: RenderPool,
  about: BuildInfo,
  more: {
    pull?: (() => PullStatus | undefined) | undefined
    storageProblem?: (() => string | undefined) | undefined
    source?: (() => SourceContact) | undefined
  } = {},
): () => Health {
  let warm = false // once warm, an engine that is started again does not make the worker unready
  const stateOf = (): WorkerState => {
    const states = engines.status().map(({ state }) => state)
    warm ||= states.some((state) => state === 'ready' || state === 'busy')
    if (stop.draining.aborted) return 'draining'
    if (states.every((state) => state === 'broken')) return 'broken'
    if (!warm) return 'starting'
    return states.includes('ready') ? 'ready' : 'busy'
  }
  return () => {
    const status = engines.status().map(({ reason, ...engine }) => ({
      ...engine,
      ...(reason !== undefined && { reason: withoutFolders(reason) }),
    }))
    const bundle = status.find((engine) => engine.bundle)?.bundle ?? null
    const pulling = more.pull?.()
    const storage_problem = more.storageProblem?.()
    return {
      ...{ state: stateOf(), ...about, bundle, engines: status },
      ...(pulling && { pull: pulling }),
      ...(more.source && { source: more.source() }),
      ...(storage_problem !== undefined && { storage_problem }),
    }
  }
}

/** Keeps in mind how the last claim went, for probes and metrics. */
export function createSourceContact(name: string) {
  let last: SourceContact = { name, reachable: null, at: null }
  return {
    status: () => last,
    /** @param problem why the claim failed; undefined where it was answered */
    note(problem?: string) {
      const at = new Date().toISOString()
      last = { name, reachable: problem === undefined, at, ...(problem && { reason: problem }) }
    },
  }
}
