import { createRetry } from '../../../handler/net/retry.ts'
import { createClaimer } from '../../../runtime/sources/runpod/claim.ts'
import { openClient } from '../../../runtime/sources/runpod/client.ts'
import { urlsOf } from '../../../runtime/sources/runpod/url-templates.ts'
import { silentLog } from '../../../handler/log.ts'

// Polls for jobs and answers each with its id, until it is killed. Argument 1: how long a stop has to
// be to count, in milliseconds.
const env = process.env
const client = openClient({ key: 'key', agent: 'test', frozenMs: Number(process.argv[2]) })
const urls = urlsOf(
  {
    take: env['RUNPOD_WEBHOOK_GET_JOB']!,
    done: env['RUNPOD_WEBHOOK_POST_OUTPUT']!,
    ping: undefined,
  },
  { workerId: 'w1', gpuType: '' },
)
const claims = createClaimer(client, urls, silentLog)
const forever = new AbortController().signal
const tries = createRetry({ tries: Infinity, firstMs: 1_000, maxMs: 30_000 })
for (;;) {
  try {
    for (const { id } of await claims.claim(1, false, forever)) {
      await client.post(urls.done(id), id, JSON.stringify({ output: id }), 5_000, forever)
    }
  } catch (error) {
    await tries.pause(error, forever)
  }
}
