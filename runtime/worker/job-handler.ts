import type { JobDependencies } from '../../handler/context.ts'
import { handle } from '../../handler/handle.ts'
import { filesUrl } from '../../handler/storage/directory.ts'
import type { Storage } from '../../handler/storage/storage.ts'
import type { Config } from '../config/config.ts'
import type { JobHandler } from '../jobs/job-record.ts'
import { createStorage } from './create-storage.ts'

/** `handle()` with a store whose URLs are those that the submitter can reach. */
export function handlerWith(
  deps: Omit<JobDependencies, 'storage'>,
  config: Config,
  shared: Storage,
): JobHandler {
  return async (payload, { origin, ...call }) => {
    const storage =
      config.STORAGE === 'directory'
        ? await createStorage(config, (key) => filesUrl(origin, key))
        : shared
    return handle(payload, { ...deps, storage }, call)
  }
}
