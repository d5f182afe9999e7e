import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CanceledError, InputError } from '../../../handler/errors.ts'
import { handle } from '../../../handler/handle.ts'
import type { JobDependencies } from '../../../handler/job-context.ts'
import { silentLog } from '../../../handler/log.ts'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { createWebhookSender } from '../../../handler/events/webhook-sender.ts'
import type { Render, RenderReport } from '../../../handler/render/render-task.ts'
import { directoryStorage } from '../../../handler/storage/directory.ts'

/** A job whose render is this. @returns how it fails, and what is left in the scratch folder */
async function failWith(render: Render, signal = new AbortController().signal) {
  const root = await mkdtemp(join(tmpdir(), 'scratch-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const [video, audio, scratch] = ['v.mp4', 'a.wav', 'scratch'].map((name) => join(root, name))
  for (const file of [video!, audio!]) await writeFile(file, 'media')
  const fetch = createGuardedFetch({ isBlocked: () => false })
  const deps: JobDependencies = {
    ...{ render, fetch, webhooks: createWebhookSender({ fetch }), log: silentLog },
    ...{ storage: directoryStorage(join(root, 'results')), allowFileInputs: true },
    limits: { maxVideoS: 60, maxAudioS: 60, maxPixels: 1e6, maxInputBytes: 1e6 },
    scratch: scratch!,
  }
  const failure: unknown = await handle({ id: 'a', video, audio }, deps, { signal }).catch(
    (error: unknown) => error,
  )
  return { failure, left: await readdir(scratch!).catch(() => []) }
}

const lost = {
  ...{ code: 'DISK_FULL', fault: 'worker', retryable: true },
  message: expect.stringMatching(
    /folder .* was removed .* keep .* away from SCRATCH_DIR/,
  ) as string,
}
const clean = (output: string) => rm(dirname(dirname(output)), { recursive: true })
const unreadable = () => new InputError('MEDIA_UNREADABLE', 'no such file', { stage: 'probe' })

test('a scratch folder that is removed under a job is no fault of its media', async () => {
  const { failure } = await failWith(async ({ output }) => {
    await clean(output)
    throw unreadable()
  })
  expect(failure).toMatchObject({ ...lost, stage: 'probe' })
})
test('nor where a step has made it again', async () => {
  const { failure, left } = await failWith(async ({ output }) => {
    await clean(output)
    await mkdir(join(dirname(output), 'parts'), { recursive: true })
    throw unreadable()
  })
  expect(failure).toMatchObject(lost)
  expect(left).toEqual([])
})
test('and is found out when the result is uploaded', async () => {
  const { failure } = await failWith(async ({ output }) => {
    await writeFile(output, 'video')
    await clean(output)
    return { duration_sec: 1 } as RenderReport
  })
  expect(failure).toMatchObject({ ...lost, stage: 'upload' })
})
test('a job that is canceled says so, and one whose folder is there says what it says', async () => {
  const stop = new AbortController()
  const canceled = await failWith(async ({ output }) => {
    await clean(output)
    stop.abort(new CanceledError('CANCELED', 'for the test'))
    throw new Error('no such file')
  }, stop.signal)
  expect(canceled.failure).toMatchObject({ code: 'CANCELED' })
  const plain = await failWith(() => Promise.reject(unreadable()))
  expect(plain.failure).toMatchObject({ code: 'MEDIA_UNREADABLE', retryable: false })
  expect(plain.left).toEqual([])
})
