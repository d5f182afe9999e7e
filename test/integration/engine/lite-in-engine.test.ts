import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { handle } from '../../../handler/handle.ts'
import type { Render } from '../../../handler/render/render-task.ts'
import { openBundle } from '../../../models/inference/bundle.ts'
import { selfTest } from '../../../models/inference/self-test.ts'
import { createRenderPool } from '../../../runtime/engine/pool.ts'
import { LITE } from '../../../runtime/config/bundle-directory.ts'
import { createLocalWorker } from '../../../runtime/library.ts'
import { testDeps } from '../../helpers/jobs/deps.ts'
import { alive, membersOf, reaper } from '../../helpers/fake-engines.ts'
import { collectLog } from '../../helpers/collected-log.ts'
import { ffmpeg, folder, testFfmpeg, type Folder } from '../../helpers/media/media.ts'
import { smallPortrait } from '../../helpers/media/portrait.ts'
import { fakeModels } from '../../helpers/models/fake-models.ts'
import { variant } from '../../helpers/shortlist.ts'
import { silentLog } from '../../../handler/log.ts'

const demo = (name: string) => fileURLToPath(new URL(`../../../demo/${name}`, import.meta.url))
const start = () =>
  createRenderPool({ devices: [''], device: 'cpu', bundle: LITE, maxJobs: 500, log: silentLog })

const depsOf = async (place: Folder, render: Render) =>
  testDeps(place, await testFfmpeg(), fakeModels(), { render })

interface Golden {
  graph: string
  expect: Record<string, { mean: number }>
}

/** The portrait, small, and some speech. */
async function media({ file }: Folder, seconds: number) {
  const found = await testFfmpeg()
  await smallPortrait(found, file('face.png'))
  const speech = ['-stream_loop', '-1', '-i', demo('speech.wav'), '-t', `${seconds}`]
  await ffmpeg(found.path, ['-v', 'error', ...speech, file('speech.wav')])
  return { video: file('face.png'), audio: file('speech.wav') }
}

test('the engine renders what this process renders, to the byte', async () => {
  await using place = await folder()
  const job = await media(place, 0.4)
  await using local = await createLocalWorker({ device: 'cpu' })
  await using engines = start()
  const here = await handle(job, await depsOf(place, local.render))
  const there = await handle(job, await depsOf(place, engines.render))
  expect(there).toMatchObject({ frames: 10, sha256: here.sha256, bundle: here.bundle })
  expect(engines.status()[0]).toMatchObject({ state: 'ready', jobs: 1, bundle: here.bundle })
})

variant(
  'SIGKILL in a real render: retryable, nothing left running or on disk, the next job succeeds',
  async () => {
    await using place = await folder()
    const job = await media(place, 30) // long: it must not have ended when we hear of its first frames
    await using engines = start()
    await engines.ready(AbortSignal.timeout(300_000))
    const pid = engines.status()[0]!.pid!
    using _ = reaper(pid)
    const deps = await depsOf(place, engines.render)
    let encoding = 0
    const failed = await handle(job, deps, {
      onEvent({ type, metrics }) {
        if (type !== 'job.progress' || !metrics.frames_done) return
        encoding ||= membersOf(pid).length
        if (alive(pid)) process.kill(pid, 'SIGKILL')
      },
    }).catch((error) => error)
    expect(failed).toMatchObject({ code: 'ENGINE_LOST', retryable: true, stage: 'render' })
    expect(encoding).toBeGreaterThan(1) // ffmpeg was at work
    await expect.poll(() => membersOf(pid)).toEqual([])
    expect(await deps.left()).toEqual([])
    const next = await media(place, 0.2)
    expect(await handle(next, deps)).toMatchObject({ status: 'succeeded', frames: 5 })
  },
)

test('a bundle without a face detector is told at the start, before a job is', async () => {
  await using place = await folder()
  const bundle = place.file('blind')
  await cp(LITE, bundle, { recursive: true })
  const manifest = JSON.parse(await readFile(join(bundle, 'manifest.json'), 'utf8'))
  delete manifest.graphs.face
  manifest.selfTest = [] // the detector's is the source of the others
  await writeFile(join(bundle, 'manifest.json'), JSON.stringify(manifest))
  const { log, logged } = collectLog()
  await using engines = createRenderPool({
    ...{ devices: [''], device: 'cpu', bundle, maxJobs: 500, log },
  })
  await engines.ready(AbortSignal.timeout(300_000))
  const told = logged.filter(({ event }) => event === 'bundle.incomplete')
  expect(told).toMatchObject([
    { level: 'warn', fields: { reason: expect.stringContaining('no face detector') as string } },
  ])
})

variant('the golden numbers of the embedded bundle hold, and a wrong one is found', async () => {
  await using bundle = await openBundle(LITE, { device: 'cpu', threads: 1, lanes: 1 })
  const tests = bundle.manifest.selfTest as Golden[]
  expect(new Set(tests.map(({ graph }) => graph))).toEqual(new Set(Object.keys(bundle.graphs)))
  await selfTest(bundle)
  const wrong = structuredClone(bundle.manifest)
  const listen = (wrong.selfTest as Golden[]).find(({ graph }) => graph === 'listen')!
  listen.expect['states']!.mean += 0.1
  const told = selfTest({ ...bundle, manifest: wrong })
  await expect(told).rejects.toThrow(/graph "listen", output "states": expected mean/)
})
