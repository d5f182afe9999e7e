import { WorkerError } from '../../handler/errors.ts'
import type { RenderPool } from '../engine/pool.ts'
import type { BuildInfo } from '../config/identity.ts'
import type { Shutdown } from '../shutdown.ts'
import type { PullStatus } from '../http/app-options.ts'
import type { Health, WorkerState } from '../http/app-options.ts'

export const allEnginesBroken = (engines: RenderPool) =>
  engines.status().every(({ state }) => state === 'broken')

export const cannotRenderError = () =>
  new WorkerError('MODEL_BROKEN', 'this worker cannot render now; its log says why')

/** What probes and people are told of the worker's state. */
export function healthOf(
  stop: Shutdown,
  engines: RenderPool,
  about: BuildInfo,
  pull: () => PullStatus | undefined = () => undefined,
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
    // Reasons name paths and drivers; they are in the log, and probes need no key.
    const status = engines.status().map(({ reason: _reason, ...engine }) => engine)
    const bundle = status.find((engine) => engine.bundle)?.bundle ?? null
    const pulling = pull()
    return {
      ...{ state: stateOf(), ...about, bundle, engines: status },
      ...(pulling && { pull: pulling }),
    }
  }
}
