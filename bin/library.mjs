// What `import 'musetalk-worker'` loads: by require(), which needs no `await` that would be read before library.cjs
// has looked whether this Node can read the rest.
import { createRequire } from 'node:module'

const library = createRequire(import.meta.url)('./library.cjs')

export const {
  createClient,
  createLocalWorker,
  directoryStorage,
  estimate,
  handle,
  jobJsonSchema,
  JobError,
  JobFailed,
  ModelError,
  openInputBuckets,
  RequestRefused,
  s3Storage,
  WorkerUnreachable,
} = library
