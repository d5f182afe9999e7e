import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { handle } from '../../handler/handle.ts'
import { createRenderer } from '../../handler/render/render.ts'
import { splitRender } from '../../handler/render/split/split-render.ts'
import { openBundle } from '../../models/inference/bundle.ts'
import type { Models } from '../../models/inference/models.ts'
import { LITE } from '../../runtime/config/bundle-directory.ts'
import { ffmpeg, folder, testFfmpeg } from '../helpers/media/media.ts'
import { testDeps } from '../helpers/jobs/deps.ts'
import { listeningModels } from '../helpers/models/listening-models.ts'

const tools = await testFfmpeg()
const media = await folder()
afterAll(() => media[Symbol.asyncDispose]())
const isWanted = process.env['SPLIT_TEST'] === '1'
const SECONDS = Number(process.env['SPLIT_SECONDS'] ?? 180)
const run = (...args: string[]) => ffmpeg(tools.path, ['-v', 'error', '-y', ...args])

/** Six parts and the one piece of a job, in FFV1. */
async function both(job: Record<string, unknown>, models: () => Models = listeningModels) {
  const lossless = { ...job, output: { lossless: true } }
  const whole = await handle({ ...lossless, id: 'whole' }, await testDeps(media, tools, models()))
  const plain = createRenderer(models(), tools)
  const again: number[] = []
  const render = splitRender(
    (task, call) => {
      if (task.split?.do === 'draw' && task.split.fromStart) again.push(task.split.from)
      return plain(task, call)
    },
    { seconds: SECONDS / 6, room: () => 2, idle: () => 2 },
  )
  const deps = await testDeps(media, tools, models(), { render })
  const split = await handle({ ...lossless, id: 'split' }, deps)
  expect(await deps.left()).toEqual([])
  const files = { whole: whole.output_url, split: split.output_url }
  return { files, frames: split.frames, again }
}

/** Three minutes of sound that is loud and quiet in turn. */
async function speech(): Promise<string> {
  const tone = ['-f', 'lavfi', '-i', `sine=f=220:r=16000:d=${SECONDS}`]
  const file = media.file('speech.wav')
  await run(...tone, '-af', 'tremolo=f=1.3:d=0.9', file)
  return file
}

async function digest(file: string, stream: 'v' | 'a'): Promise<string[]> {
  const { stdout } = await run('-i', file, '-map', `0:${stream}`, '-f', 'framemd5', '-')
  const lines = stdout.toString().split('\n')
  return lines.filter((line) => line && !line.startsWith('#'))
}

describe.skipIf(!isWanted)('three minutes in six parts', () => {
  test('are sample for sample those of one piece, where boxes are named', async () => {
    const video = media.file('boxes.mkv')
    const picture = `testsrc2=s=256x256:r=25:d=${SECONDS + 1},drawbox=88:64:80:80:white:fill`
    await run('-f', 'lavfi', '-i', picture, '-c:v', 'libx264', '-preset', 'ultrafast', video)
    const face = { boxes: Array(25 * (SECONDS + 1)).fill([88, 64, 168, 144]) }
    const job = { video, audio: await speech(), face, compat: 'reference' }
    const { files, frames, again } = await both(job, () => listeningModels())
    expect(frames).toBe(25 * SECONDS)
    const drawn = await digest(files.split, 'v')
    expect(drawn).toHaveLength(frames)
    expect(drawn).toEqual(await digest(files.whole, 'v'))
    expect(await digest(files.split, 'a')).toEqual(await digest(files.whole, 'a'))
    expect(again).toEqual([])
  }, 3_600_000)

  test('show a face that is followed where one piece does', async () => {
    await using lite = await openBundle(LITE, { device: 'cpu', threads: 1, lanes: 1 })
    const video = media.file('sway.mkv')
    const portrait = fileURLToPath(new URL('../../demo/portrait.png', import.meta.url))
    const still = ['-loop', '1', '-r', '25', '-t', `${SECONDS + 1}`, '-i', portrait]
    const sway = 'scale=256:256,rotate=0.03*sin(0.7*t)'
    const encode = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p']
    await run(...still, '-vf', sway, ...encode, video)
    const { files, again } = await both({ video, audio: await speech() }, () =>
      listeningModels(lite),
    )
    expect(again).toEqual([])
    const [drawn, whole] = [await digest(files.split, 'v'), await digest(files.whole, 'v')]
    expect(drawn).toHaveLength(25 * SECONDS)
    const other = [...drawn.keys()].filter((i) => drawn[i] !== whole[i])
    process.stdout.write(`frames that differ: ${other.length} of ${drawn.length}\n`)
    // An edge that lies between two pixels may fall to either side, until it is taken anew.
    expect(other.length).toBeLessThan(0.02 * drawn.length)
  }, 3_600_000)
})
