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
import { frameDigests } from '../helpers/media/frame-digests.ts'
import { swayingPortrait } from '../helpers/media/portrait.ts'
import { listeningModels } from '../helpers/models/listening-models.ts'

const tools = await testFfmpeg()
const media = await folder()
afterAll(() => media[Symbol.asyncDispose]())
const isWanted = process.env['SPLIT_TEST'] === '1'
const SECONDS = Number(process.env['SPLIT_SECONDS'] ?? 180)
/** Frames to each side of a joint at which a step would show. */
const NEAR = 25
const run = (...args: string[]) => ffmpeg(tools.path, ['-v', 'error', '-y', ...args])

/** The parts and the one piece of a job, in FFV1, and where the parts were joined. */
async function both(job: Record<string, unknown>, models: () => Models, partSeconds = SECONDS / 6) {
  const lossless = { ...job, output: { lossless: true } }
  const whole = await handle({ ...lossless, id: 'whole' }, await testDeps(media, tools, models()))
  const plain = createRenderer(models(), tools)
  const again: number[] = []
  const joints = new Set<number>()
  const render = splitRender(
    (task, call) => {
      if (task.split?.do === 'draw') {
        if (task.split.from > 0) joints.add(task.split.from)
        if (task.split.fromStart) again.push(task.split.from)
      }
      return plain(task, call)
    },
    { seconds: partSeconds, room: () => 2, idle: () => 2 },
  )
  const deps = await testDeps(media, tools, models(), { render })
  const split = await handle({ ...lossless, id: 'split' }, deps)
  expect(await deps.left()).toEqual([])
  const files = { whole: whole.output_url, split: split.output_url }
  return { files, frames: split.frames, again, joints: [...joints] }
}

/** Three minutes of sound that is loud and quiet in turn. */
async function speech(): Promise<string> {
  const tone = ['-f', 'lavfi', '-i', `sine=f=220:r=16000:d=${SECONDS}`]
  const file = media.file('speech.wav')
  await run(...tone, '-af', 'tremolo=f=1.3:d=0.9', file)
  return file
}

/**
 * By how much each frame of two videos differs.
 * @returns mean squared error of all samples; 0 where all are the same
 */
async function differences(one: string, other: string): Promise<number[]> {
  const compare = ['-lavfi', '[0:v][1:v]psnr=stats_file=-', '-f', 'null', '-']
  const { stdout } = await run('-i', one, '-i', other, ...compare)
  const decibels = [...stdout.toString().matchAll(/ psnr_avg:(\S+)/g)].map(([, db]) => db!)
  return decibels.map((db) => (db === 'inf' ? 0 : 255 ** 2 / 10 ** (Number(db) / 10)))
}

const digests = (file: string, stream: 'v' | 'a') => frameDigests(tools.path, file, stream)
const SPEECH = fileURLToPath(new URL('../../demo/speech.wav', import.meta.url))

const sway = (seconds: number) =>
  swayingPortrait(tools, media.file(`sway-${seconds}.mkv`), { seconds, fps: 25 })

describe.skipIf(!isWanted)('three minutes in six parts', () => {
  test('are sample for sample those of one piece, where boxes are named', async () => {
    const video = media.file('boxes.mkv')
    const picture = `testsrc2=s=256x256:r=25:d=${SECONDS + 1},drawbox=88:64:80:80:white:fill`
    await run('-f', 'lavfi', '-i', picture, '-c:v', 'libx264', '-preset', 'ultrafast', video)
    const face = { boxes: Array(25 * (SECONDS + 1)).fill([88, 64, 168, 144]) }
    const job = { video, audio: await speech(), face, compat: 'reference' }
    const { files, frames, again, joints } = await both(job, () => listeningModels())
    expect(joints).toHaveLength(5)
    expect(frames).toBe(25 * SECONDS)
    const drawn = await digests(files.split, 'v')
    expect(drawn).toHaveLength(frames)
    expect(drawn).toEqual(await digests(files.whole, 'v'))
    expect(await digests(files.split, 'a')).toEqual(await digests(files.whole, 'a'))
    expect(again).toEqual([])
  }, 3_600_000)

  test('show a face that is followed where one piece does, also at the joints', async () => {
    await using lite = await openBundle(LITE, { device: 'cpu', threads: 1, lanes: 1 })
    const job = { video: await sway(SECONDS + 1), audio: await speech() }
    const { files, again, joints } = await both(job, () => listeningModels(lite))
    expect(joints).toHaveLength(5)
    expect(again).toEqual([])
    const apart = await differences(files.split, files.whole)
    expect(apart).toHaveLength(25 * SECONDS)
    const isNear = (i: number) => joints.some((joint) => Math.abs(i - joint + 0.5) < NEAR)
    const worst = (near: boolean) => Math.max(...apart.filter((_, i) => isNear(i) === near))
    const other = apart.filter((error) => error > 0).length
    const told = `${other} of ${apart.length} frames differ, by ${worst(true)} near a joint`
    process.stdout.write(`${told} and ${worst(false)} elsewhere\n`)
    // An edge that lies between two pixels may fall to either side, until it is taken anew.
    expect(other).toBeLessThan(0.02 * apart.length)
    expect(worst(true)).toBeLessThanOrEqual(worst(false))
    expect(await digests(files.split, 'a')).toEqual(await digests(files.whole, 'a'))
  }, 3_600_000)

  test('are those of one piece with the networks of `lite`, too: twelve seconds in three', async () => {
    await using lite = await openBundle(LITE, { device: 'cpu', threads: 1, lanes: 1 })
    const seconds = 12
    const audio = media.file('talk.wav')
    await run('-stream_loop', '-1', '-i', SPEECH, '-t', `${seconds}`, audio)
    const face = { boxes: Array(25 * seconds).fill([82, 74, 174, 190]) }
    const job = { video: await sway(seconds), audio, face, compat: 'reference' }
    const { files, again, joints } = await both(job, () => lite, seconds / 3)
    expect(joints).toEqual([96, 192])
    expect(again).toEqual([])
    const drawn = await digests(files.split, 'v')
    expect(drawn).toHaveLength(25 * seconds)
    expect(drawn).toEqual(await digests(files.whole, 'v'))
    expect(await digests(files.split, 'a')).toEqual(await digests(files.whole, 'a'))
  }, 3_600_000)
})
