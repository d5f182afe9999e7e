import { startEngines } from '../../../runtime/engine/pool.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import { openFetch } from '../../../handler/net/guarded-fetch.ts'
import { openWebhooks } from '../../../handler/events/webhook-sender.ts'
import { cacheOf, limitsOf } from '../../../runtime/library.ts'
import { installStop } from '../../../runtime/shutdown.ts'
import { jsonLog } from '../../../runtime/log/json-log.ts'
import { modeOf } from '../../../runtime/config/job-source.ts'
import { abandonUploads } from '../../../runtime/worker/abandoned-uploads.ts'
import { openScratch } from '../../../runtime/worker/scratch-directory.ts'
import { workUntil } from '../../../runtime/worker/worker.ts'

// `musetalk-worker start` as it is, but for the models in its render process: they paint a colour.
const config = readConfig({ ...process.env, ALLOW_PRIVATE_URLS: 'true' })
const log = jsonLog(config.LOG_LEVEL)
using stop = installStop(config.DRAIN_SEC * 1000, log)
await using scratch = await openScratch(config.SCRATCH_DIR)
await using engines = startEngines({
  ...{ devices: [''], device: 'cpu', bundle: 'painted', maxJobs: config.ENGINE_MAX_JOBS, log },
  ...cacheOf(config),
  ...(config.FFMPEG_PATH !== undefined && { ffmpegPath: config.FFMPEG_PATH }),
  entry: new URL('./painting-engine.child.ts', import.meta.url),
})
const fetch = openFetch({ blocked: () => false })
void abandonUploads(scratch.begun, config, stop.soon, log)
await workUntil(stop, {
  ...{ config, mode: modeOf(config), engines, log, about: { version: 'test', revision: null } },
  deps: {
    ...{ render: engines.render, fetch, webhooks: openWebhooks({ fetch }) },
    ...{ limits: limitsOf(config), scratch: scratch.dir, allowFileInputs: false },
  },
})
