import { createWebhookSender } from '../../handler/events/webhook-sender.ts'
import { createGuardedFetch } from '../../handler/net/guarded-fetch.ts'
import { createJsonLogger } from '../../runtime/log/json-log.ts'
import { readConfig } from '../../runtime/config/config.ts'
import { limitsOf } from '../../runtime/config/limits.ts'
import { resolveJobSource } from '../../runtime/config/job-source.ts'
import { createRenderPool } from '../../runtime/engine/pool.ts'
import { installSignalHandlers } from '../../runtime/shutdown.ts'
import { openScratch } from '../../runtime/worker/scratch-directory.ts'
import { runWorker } from '../../runtime/worker/run-worker.ts'

// `musetalk-worker start` as it is, but for the card in its render process: it is simulated. Argument: which card.
const [simulation] = process.argv.slice(2)
const config = readConfig(process.env)
const log = createJsonLogger('info')
using stop = installSignalHandlers(config.DRAIN_SEC * 1000, log)
await using scratch = await openScratch(config.SCRATCH_DIR)
await using engines = createRenderPool({
  ...{ devices: [''], device: 'cuda', bundle: simulation!, maxJobs: 1e6, log },
  ...(config.FFMPEG_PATH !== undefined && { ffmpegPath: config.FFMPEG_PATH }),
  entry: new URL('./engine.process.ts', import.meta.url),
})
const fetch = createGuardedFetch({ isBlocked: () => false })
await runWorker(stop, {
  ...{ config, mode: resolveJobSource(config), engines, log },
  about: { version: 'bench', revision: null },
  deps: {
    ...{ render: engines.render, fetch, webhooks: createWebhookSender({ fetch }) },
    ...{ limits: limitsOf(config), scratch: scratch.dir, allowFileInputs: true },
  },
})
