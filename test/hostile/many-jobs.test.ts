import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../handler/log.ts'
import { createRenderPool, type RenderPool } from '../../runtime/engine/pool.ts'
import { folder, makeSound, makeVideo, testFfmpeg, type Folder } from '../helpers/media/media.ts'
import { pushServer } from '../helpers/servers/worker-server.ts'
import { jobCount } from './hostile-size.ts'

const WARM_UP = 4
/** What garbage collection and growing pools may make of it, MB. */
const MEMORY_MB = 150

let media: Folder
let engines: RenderPool
let at: Awaited<ReturnType<typeof pushServer>>
beforeAll(async () => {
  media = await folder()
  const ffmpeg = await testFfmpeg()
  await makeVideo(ffmpeg, media.file('v.mp4'), { frames: 5 })
  await makeSound(ffmpeg, media.file('a.wav'), 0.2)
  engines = createRenderPool({
    ...{ devices: [''], device: 'cpu', bundle: '', ffmpegPath: ffmpeg.path, maxJobs: 1e9 },
    entry: new URL('../helpers/children/painting-engine.child.ts', import.meta.url),
    log: silentLog,
  })
  at = await pushServer({}, { engines })
})
afterAll(async () => {
  await at[Symbol.asyncDispose]()
  await engines[Symbol.asyncDispose]()
  await media[Symbol.asyncDispose]()
})

/** Of this process and of its engine. */
async function footprint() {
  const { pid } = engines.status()[0]!
  const descriptors = async (id: number | string) => (await readdir(`/proc/${id}/fd`)).length
  const rssMb = async (id: number | string) =>
    Number(/VmRSS:\s*(\d+)/.exec(await readFile(`/proc/${id}/status`, 'utf8'))![1]) / 1024
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim()
  return {
    descriptors: (await descriptors('self')) + (await descriptors(pid!)),
    memoryMb: (await rssMb('self')) + (await rssMb(pid!)),
    ffmpegs: children === '' ? 0 : children.split(' ').length,
    scratch: await readdir(at.scratch),
    engine: pid,
  }
}

async function runJobs(count: number, from: number): Promise<Map<string, number>> {
  const ends = new Map<string, number>()
  for (let i = from; i < from + count; i += 2) {
    const answers = [i, i + 1].map(async (n) => {
      // Every fifth is one that cannot be.
      const audio_url = n % 5 === 0 ? join(media.path, 'none.wav') : media.file('a.wav')
      const body = JSON.stringify({ id: `many-${n}`, video_url: media.file('v.mp4'), audio_url })
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${at.url}/generate`, { method: 'POST', headers, body })
      const { status, output_url } = (await answer.json()) as Record<string, string>
      if (output_url) await (await fetch(output_url)).arrayBuffer()
      ends.set(status!, (ends.get(status!) ?? 0) + 1)
    })
    await Promise.all(answers)
  }
  return ends
}

test(`after ${jobCount()} tiny jobs nothing has grown`, async () => {
  await engines.ready(AbortSignal.timeout(300_000))
  await runJobs(WARM_UP, 0)
  const before = await footprint()
  const count = jobCount()
  const ends = await runJobs(count, WARM_UP)
  expect(Object.fromEntries(ends)).toEqual({ success: count * 0.8, failed: count * 0.2 })
  const after = await footprint()
  expect(after).toMatchObject({ scratch: [], ffmpegs: 0, engine: before.engine })
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 4) // connections kept alive
  expect(after.memoryMb).toBeLessThan(before.memoryMb + MEMORY_MB)
  console.log(`${count} jobs: ${JSON.stringify({ before, after })}`)
}, 7_200_000)
