import { createRenderPool } from '../../../runtime/engine/pool.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { createWebhookSender } from '../../../handler/events/webhook-sender.ts'
import { cacheOf, limitsOf } from '../../../runtime/config/limits.ts'
import { installSignalHandlers } from '../../../runtime/shutdown.ts'
import { createJsonLogger } from '../../../runtime/log/json-log.ts'
import { resolveJobSource } from '../../../runtime/config/job-source.ts'
import { abortOrphanedUploads } from '../../../runtime/worker/abandoned-uploads.ts'
import { openScratch } from '../../../runtime/worker/scratch-directory.ts'
import { runWorker } from '../../../runtime/worker/run-worker.ts'

// `musetalk-worker start` as it is, but for the models in its render process: they paint a color.
const config = readConfig({ ...process.env, ALLOW_PRIVATE_URLS: 'true' })
const log = createJsonLogger(config.LOG_LEVEL)
using stop = installSignalHandlers(config.DRAIN_SEC * 1000, log)
await using scratch = await openScratch(config.SCRATCH_DIR)
await using engines = createRenderPool({
  ...{ devices: [''], device: 'cpu', bundle: 'painted', maxJobs: config.ENGINE_MAX_JOBS, log },
  ...cacheOf(config),
  ...(config.FFMPEG_PATH !== undefined && { ffmpegPath: config.FFMPEG_PATH }),
  entry: new URL('./painting-engine.child.ts', import.meta.url),
})
const fetch = createGuardedFetch({ isBlocked: () => false })
void abortOrphanedUploads(scratch.uploadJournalDir, config, stop.draining, log)
await runWorker(stop, {
  ...{
    config,
    mode: resolveJobSource(config),
    engines,
    log,
    about: { version: 'test', revision: null },
  },
  deps: {
    ...{ render: engines.render, fetch, webhooks: createWebhookSender({ fetch }) },
    ...{ limits: limitsOf(config), scratch: scratch.dir, allowFileInputs: false },
  },
})
