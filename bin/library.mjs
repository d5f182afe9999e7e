// What `import 'musetalk-worker'` and `require('musetalk-worker')` load. The library is compiled for Node 26,
// and an older one would stumble over its syntax without a word about the reason; so it is loaded only
// after this file has looked, and with require(), which needs no `await` here that would keep require() out.
import { createRequire } from 'node:module'

if (Number(process.versions.node.split('.')[0]) < 26) {
  throw new Error(
    `musetalk-worker as a library needs Node 26 or newer; this is ${process.versions.node}. Its command (npx musetalk-worker) brings its own, and musetalk-worker/client talks to a worker from any`,
  )
}
const library = createRequire(import.meta.url)('../dist/runtime/library.js')

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
