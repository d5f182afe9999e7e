import type { JobDependencies } from '../../handler/job-context.ts'
import { handle } from '../../handler/handle.ts'
import { withLogFields } from '../../handler/log.ts'
import { filesUrl } from '../../handler/storage/directory.ts'
import type { Storage } from '../../handler/storage/storage.ts'
import type { Config } from '../config/config.ts'
import type { JobHandler } from '../jobs/job-record.ts'
import type { Tracer } from '../tracing/tracer.ts'
import { createStorage } from './create-storage.ts'

/** `handle()` with a store whose URLs are those that the submitter can reach, followed by a trace. */
export function handlerWith(
  deps: Omit<JobDependencies, 'storage'>,
  config: Config,
  shared: Storage,
  tracer: Tracer,
): JobHandler {
  return async (payload, { origin, ...call }) => {
    const storage =
      config.STORAGE === 'directory'
        ? await createStorage(config, (key) => filesUrl(origin, key))
        : shared
    const trace = tracer.startJob(call.id ?? '', call.traceparent)
    if (!trace) return handle(payload, { ...deps, storage }, { ...call, traceparent: undefined })
    try {
      const log = withLogFields(deps.log, { trace_id: trace.traceId })
      const onStage: JobDependencies['onStage'] = (stage, seconds) => {
        deps.onStage?.(stage, seconds)
        trace.stage(stage, seconds)
      }
      const { traceparent } = trace
      const own = { ...deps, storage, log, onStage }
      const result = await handle(payload, own, { ...call, traceparent })
      trace.succeeded(result)
      return result
    } catch (thrown) {
      trace.failed(thrown as Error)
      throw thrown
    }
  }
}
