import { mkdir, readdir } from 'node:fs/promises'
import type { JobDependencies } from '../../../handler/job-context.ts'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import { createRenderer } from '../../../handler/render/render.ts'
import { directoryStorage } from '../../../handler/storage/directory.ts'
import { createWebhookSender } from '../../../handler/events/webhook-sender.ts'
import type { Models } from '../../../models/inference/models.ts'
import type { Folder } from '../media/media.ts'
import { collectLog, type LogLine } from '../collected-log.ts'

export const LIMITS = {
  maxVideoS: 1800,
  maxAudioS: 1800,
  maxPixels: 3840 * 2160,
  maxInputBytes: 2e9,
}

export interface TestDeps extends JobDependencies {
  /** What is left of jobs; must be empty. */
  left(): Promise<string[]>
  /** Every event that was logged. */
  logged: LogLine[]
}

/** Deps with this process as the renderer, a directory as the storage, everything in one folder. */
export async function testDeps(
  { file }: Folder,
  ffmpeg: Ffmpeg,
  models: Models,
  changes: Partial<JobDependencies> = {},
): Promise<TestDeps> {
  const scratch = file('scratch')
  await mkdir(scratch, { recursive: true })
  const { log, logged } = collectLog()
  const fetch = createGuardedFetch({ isBlocked: () => false })
  return {
    fetch,
    webhooks: createWebhookSender({ fetch }),
    render: createRenderer(models, ffmpeg),
    storage: directoryStorage(file('results')),
    limits: LIMITS,
    scratch,
    allowFileInputs: true,
    log,
    ...changes,
    left: () => readdir(scratch),
    logged,
  }
}
