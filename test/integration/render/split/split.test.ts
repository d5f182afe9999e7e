import { readdir } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { createRenderer } from '../../../../handler/render/render.ts'
import type { Render } from '../../../../handler/render/render-task.ts'
import { splitRender } from '../../../../handler/render/split/split-render.ts'
import { CROP, drawnCodes, ffmpeg as run, makeVideo } from '../../../helpers/media/media.ts'
import { readVideo, shownCodes, type VideoOptions } from '../../../helpers/media/media.ts'
import { FACE } from '../../../helpers/media/scene.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'
import { shortlist } from '../../../helpers/shortlist.ts'
import { fakeModels } from '../../../helpers/models/fake-models.ts'

const at = await scenario()
const OTHER = [FACE[0] - 48, FACE[1], FACE[2] - 48, FACE[3]] as const
const boxes = (box: readonly number[]) => ({ boxes: Array(200).fill(box) })
let audio = ''

/** Five seconds of a tone that comes and goes. */
beforeAll(async () => {
  const speech = ['-f', 'lavfi', '-i', 'sine=f=220:r=44100:d=5', '-af', 'tremolo=f=3:d=0.9']
  audio = at.media.file('speech.wav')
  await run(at.ffmpeg.path, ['-v', 'error', ...speech, audio])
})

const video = (name: string, options: VideoOptions) =>
  makeVideo(at.ffmpeg, at.media.file(name), options)

/** A render that draws parts of two and a half seconds, of which the second must be sought, and what it was asked for. */
function parted() {
  const plain = createRenderer(fakeModels(), at.ffmpeg)
  const steps: string[] = []
  const noted: Render = (task, call) => {
    const { split } = task
    const part = split?.do === 'draw' ? ` ${split.from}-${split.to}` : ''
    steps.push(`${split?.do ?? 'whole'}${part}`)
    return plain(task, call)
  }
  return { render: splitRender(noted, { seconds: 2.5, room: () => 2, idle: () => 2 }), steps }
}

/** What every decoded sample of some streams says. */
async function digest(file: string, ...streams: ('v' | 'a')[]): Promise<string[]> {
  const maps = streams.flatMap((stream) => ['-map', `0:${stream}`])
  const from = ['-v', 'error', '-i', file, ...maps, '-fps_mode', 'passthrough']
  const { stdout } = await run(at.ffmpeg.path, [...from, '-f', 'framemd5', '-'])
  const lines = stdout.toString().split('\n')
  return lines.filter((line) => line && !line.startsWith('#'))
}

/** The same job in one piece and in parts. */
async function rendered(job: Record<string, unknown>) {
  const whole = await at.render({ id: 'whole', audio, ...job })
  const { render, steps } = parted()
  const split = await at.render({ id: 'parts', audio, ...job }, { deps: { render } })
  expect(split.result.frames).toBe(whole.result.frames)
  expect(split.result.face).toEqual(whole.result.face)
  expect(split.result.frames_without_face).toBe(whole.result.frames_without_face)
  expect(steps.at(-1)).toBe('join')
  return { whole, split, steps }
}

/** The same, and what they show. */
async function both(job: Record<string, unknown>) {
  const { whole, split, steps } = await rendered(job)
  const shown = async ({ result }: typeof whole) => ({
    result,
    video: await readVideo(at.ffmpeg, result.output_url),
  })
  return { whole: await shown(whole), split: await shown(split), steps }
}

/** Every sample of picture and sound, and every time. */
async function expectSame(job: Record<string, unknown>): Promise<void> {
  const { whole, split } = await rendered({ ...job, output: { lossless: true } })
  const samples = await digest(whole.result.output_url, 'v', 'a')
  expect(samples.length).toBeGreaterThan(150)
  expect(await digest(split.result.output_url, 'v', 'a')).toEqual(samples)
}

describe('a result that is drawn in parts is, sample for sample, the one of one piece', () => {
  const encode = ['-c:v', 'ffv1']
  const reference = async () => {
    const file = await video('reference.mkv', { frames: 140, encode })
    return { video: file, face: boxes(FACE), compat: 'reference', trim: { from: 0.4 } }
  }
  const inTurn = async () => {
    const sound = ['-i', audio, ...encode, '-c:a', 'flac']
    const file = await video('two.mkv', { frames: 130, encode: sound })
    const segments = [
      { from: 0.4, to: 2.6, face: boxes(FACE) },
      { from: 2.8, to: 4.6, face: boxes(OTHER), speech: { from: 1 } },
    ]
    return { video: file, segments, sound: 'keep', loudness: -20 }
  }
  const ntsc = async () => {
    const file = await video('ntsc.mkv', { frames: 155, fps: '30000/1001', encode })
    return { video: file, face: boxes(FACE) }
  }
  const looped = async () => {
    const file = await video('loop.mkv', { frames: 30, encode })
    return { video: file, face: boxes(FACE), length: 'loop', loop_cut: 'soft' }
  }
  const jobs = [
    ['that is a loop with soft cuts, one of them at a joint', looped],
    ['where two people speak in turn, over the sound of the video', inTurn],
    ['by the rules of the reference, of a part of the video', reference],
    ['at 30000/1001 frames per second', ntsc],
  ] as const
  test.each(shortlist(1, jobs))('%s', async (_name, job) => {
    await expectSame(await job())
  })
})

describe('a result that is drawn in parts shows what the one of one piece does', () => {
  test('in H.264, followed by the tracker', async () => {
    const file = await video('tracked.mp4', { frames: 140 })
    const { whole, split, steps } = await both({ video: file })
    expect(steps).toEqual(['measure', 'draw 0-63', 'draw 63-125', 'join'])
    const codes = Array.from({ length: 125 }, (_, i) => i)
    expect(shownCodes(split.video)).toEqual(codes)
    expect(drawnCodes(split.video, CROP)).toEqual(codes)
    expect(split.video.times).toEqual(whole.video.times)
    expect(await digest(split.result.output_url, 'a')).toEqual(
      await digest(whole.result.output_url, 'a'),
    )
  })
  const lengths = [
    ['audio', 70],
    ['remap', 110],
    ['loop', 70],
    ['longest', 140],
  ] as const
  test.each(shortlist(0, lengths))(
    'where video and sound differ in length: %s',
    async (length, frames) => {
      const file = await video(`${length}.mp4`, { frames })
      const { whole, split } = await both({ video: file, length })
      expect(shownCodes(split.video)).toEqual(shownCodes(whole.video))
      expect(drawnCodes(split.video, CROP)).toEqual(drawnCodes(whole.video, CROP))
    },
  )
  const still = () => video('still.png', { frames: 1, encode: ['-frames:v', '1'] })
  const uneven = () => {
    const filter = "setpts='(if(lt(N,10),N,10+1.5*(N-10)))/25/TB'"
    const encode = ['-c:v', 'ffv1', '-fps_mode', 'passthrough', '-f', 'matroska']
    return video('uneven.mkv', { frames: 110, filter, encode })
  }
  const sources = [
    ['of a still', still],
    ['where the video does not seek to the picture that is meant', uneven],
  ] as const
  test.each(shortlist(0, sources))('%s', async (_name, source) => {
    const { whole, split } = await both({ video: await source(), fps: 25 })
    expect(shownCodes(split.video)).toEqual(shownCodes(whole.video))
    expect(drawnCodes(split.video, CROP)).toEqual(drawnCodes(whole.video, CROP))
    expect(drawnCodes(split.video, CROP)).toHaveLength(125)
  })
  const formats = [
    ['webm', 'vp9'],
    ['mp4', 'hevc'],
    ['mp4', 'av1'],
  ] as const
  test.each(shortlist(0, formats))('in %s with %s', async (format, codec) => {
    const file = await video(`${codec}.mp4`, { frames: 130 })
    const { whole, split } = await both({ video: file, output: { format, codec } })
    expect(shownCodes(split.video)).toEqual(shownCodes(whole.video))
    expect(split.video.times).toEqual(whole.video.times)
  })
})

test('nobody in any part is the error that it is in one piece, and nothing is left', async () => {
  const file = await video('nobody.mp4', { frames: 140, faces: () => [] })
  const { render } = parted()
  const { error } = await at.fail({ video: file, audio }, { deps: { render } })
  expect(error).toMatchObject({ code: 'NO_FACE' })
  expect(error.message).toContain('125 frames (5.0 s)')
  expect(await readdir(at.media.file('scratch'))).toEqual([])
})
