import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import type { JobDependencies } from '../../../handler/job-context.ts'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { STAGES } from '../../../handler/render/render-context.ts'
import type { Render } from '../../../handler/render/render-task.ts'
import { directoryStorage } from '../../../handler/storage/directory.ts'
import { createWebhookSender } from '../../../handler/events/webhook-sender.ts'
import { LIMITS, type TestDeps } from './deps.ts'
import { shortTimeouts } from '../short-timeouts.ts'
import type { Folder } from '../media/media.ts'
import { collectLog } from '../collected-log.ts'

export interface FakeRender {
  render: Render
  /** Renders that were begun. */
  count(): number
}

/**
 * A render that needs no media: its video is `bytes`, its stages took no time.
 * @param during called in the middle of it; may wait, or throw
 */
export function fakeRender(
  bytes: Uint8Array,
  during: (signal: AbortSignal) => void | PromiseLike<void> = () => {},
): FakeRender {
  let count = 0
  const stages = { probe: 0, speech: 0, avatar: 0, generate: 0, composite: 0, encode: 0 }
  return {
    count: () => count,
    async render(task, { signal, onProgress, onStage }) {
      count++
      await Promise.all([readFile(task.video), ...task.voices.map(({ audio }) => readFile(audio))])
      onProgress(1, 2)
      await during(signal)
      signal.throwIfAborted()
      await mkdir(task.dir, { recursive: true })
      await writeFile(task.output, bytes)
      onProgress(2, 2)
      for (const stage of STAGES) onStage?.(stage, stages[stage])
      return {
        ...{ width: 64, height: 64, fps: 25, frames: 2, duration_sec: 0.08, encoder: 'none' },
        ...{ frames_without_face: 0, bundle: { name: 'fake', version: '0', id: '0' } },
        ...{ peak_memory_mb: 1, stage_times: stages },
      }
    },
  }
}

/** Deps of a worker that may reach loopback addresses, with a render of the test's own. */
export async function jobDeps(
  { file }: Folder,
  render: Render,
  changes: Partial<JobDependencies> = {},
): Promise<TestDeps> {
  const scratch = file('scratch')
  await mkdir(scratch, { recursive: true })
  const timeouts = shortTimeouts()
  const fetch = createGuardedFetch({ isBlocked: () => false, timeouts })
  const { log, logged } = collectLog()
  return {
    ...{ render, fetch, timeouts, scratch, log, logged, limits: LIMITS, allowFileInputs: false },
    webhooks: createWebhookSender({ fetch, timeouts, intervalMs: 20 }),
    storage: directoryStorage(file('results')),
    ...changes,
    left: () => readdir(scratch),
  }
}
