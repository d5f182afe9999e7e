import { describe, expect, test } from 'vitest'
import type { Box } from '../../../../models/pixels/image.ts'
import type { Models } from '../../../../models/inference/models.ts'
import { makeBeepsAt } from '../../../helpers/media/beeps.ts'
import { CROP, drawnCodes, makeSound, makeVideo, readVideo } from '../../../helpers/media/media.ts'
import { H264, shownCodes } from '../../../helpers/media/media.ts'
import { FACE } from '../../../helpers/media/scene.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'
import { fakeModels } from '../../../helpers/models/fake-models.ts'
import { shortlist, variant } from '../../../helpers/shortlist.ts'

const at = await scenario()

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
const video = (name: string, faces: (i: number) => readonly Box[], frames = 25) =>
  makeVideo(at.ffmpeg, at.media.file(name), { frames, faces })

describe('frames without a face', () => {
  test('none at all is NO_FACE', async () => {
    const file = await video('nobody.mp4', () => [])
    const ended = new Set<string>()
    const deps = { onStage: (stage: string) => void ended.add(stage) }
    const { error, models } = await at.fail({ video: file }, { deps })
    expect(error.code).toBe('NO_FACE')
    expect(error.stage).toBe('avatar')
    expect(models.runs.generate).toBe(0)
    // What had been done by then is told all the same.
    const done = ['download', 'probe', 'speech', 'avatar', 'render']
    expect([...ended]).toEqual(expect.arrayContaining(done))
  })

  variant('pass through unchanged, are counted, and shift nothing', async () => {
    const file = await video('some.mp4', (i) => (i < 18 ? [] : [FACE]), 26)
    const job = { video: file, length: 'video', output: { crf: 10 } }
    const { result, video: out } = await at.run({ ...job, audio: await voice(2) })
    expect(result.frames_without_face).toBe(18)
    expect(shownCodes(out)).toEqual(numbers(26))
    const drawn = drawnCodes(out, CROP)
    expect(drawn.slice(0, 18)).toEqual(Array(18).fill(undefined))
    expect(drawn.slice(22)).toEqual(numbers(26).slice(22)) // after the fade
    const source = await readVideo(at.ffmpeg, file)
    const size = (192 * 144 * 3) / 2
    for (let i = 0; i < 18 * size; i++) {
      if (Math.abs(out.data[i]! - source.data[i]!) > 10) {
        expect.fail(`frame ${Math.floor(i / size)} differs by more than the encoder does`)
      }
    }
  })

  test('for up to half a second are bridged where only the detector misses it', async () => {
    const filter = "eq=contrast=0.7:brightness=-0.1:enable='between(n,17,22)'" // too dark to be a face
    const file = await makeVideo(at.ffmpeg, at.media.file('dark.mp4'), { filter })
    const { result, models } = await at.render({ video: file })
    expect(result.frames_without_face).toBe(0)
    expect(models.codes).toHaveLength(25)
  })

  test('are not drawn on where the face is gone, however short', async () => {
    const file = await video('gone.mp4', (i) => (i >= 10 && i < 16 ? [] : [FACE]))
    const { result, video: out } = await at.run({ video: file })
    expect(result.frames_without_face).toBe(6)
    const codes = drawnCodes(out, CROP)
    expect(codes.slice(10, 16)).toEqual(Array(6).fill(undefined))
    expect(codes.slice(0, 7)).toEqual(numbers(7)) // then it fades
  })

  variant('are ping-ponged with their numbers', async () => {
    const file = await video('turn.mp4', (i) => (i >= 10 ? [] : [FACE]), 15)
    const { result, video: out } = await at.run({ video: file, audio: await voice(1.6) })
    const around = [...numbers(15), ...numbers(15).toReversed(), ...numbers(10)]
    expect(result.frames_without_face).toBe(5)
    expect(shownCodes(out)).toEqual(around)
    const drawn = drawnCodes(out, CROP)
    for (const [i, code] of drawn.entries()) {
      if (around[i]! >= 10) expect(code).toBeUndefined()
      else if (around[i]! < 6) expect(code).toBe(around[i])
    }
  })
})

describe('which face', () => {
  const left: Box = [8, 24, 56, 72]
  const right: Box = [96, 16, 176, 96]
  const crop = ([x1, y1, x2, y2]: Box): Box => [x1, y1, x2, y2 + 10]

  test('of two, the largest one speaks and the other is left alone', async () => {
    const file = await video('two.mp4', () => [left, right])
    const { video: out } = await at.run({ video: file })
    expect(drawnCodes(out, crop(right))).toEqual(numbers(25))
    expect(drawnCodes(out, crop(left))).toEqual(Array(25).fill(undefined))
  })
  test('the one whose lips move with the sound of the source', async () => {
    const talk = { at: [0.2, 0.7], hz: 1000, lastS: 0.25 }
    const isHeard = (second: number) =>
      talk.at.some((from) => second >= from && second < from + talk.lastS)
    const sound = await makeBeepsAt(at.ffmpeg, at.media.file('talk.wav'), 1, talk)
    const open: Box = [8, 24, 56, 76]
    const file = await makeVideo(at.ffmpeg, at.media.file('talks.mp4'), {
      faces: (i) => [isHeard(i / 25) ? open : left, right],
      encode: ['-i', sound, ...H264, '-c:a', 'aac'],
    })
    const { result } = await at.render(
      { video: file, face: 'speaking' },
      { models: tallMouths(fakeModels()) },
    )
    expect(result.face).toMatchObject({ chosen: 'speaking', frame: 0 })
    expect(result.face!.sureness).toBeGreaterThan(0.5)
    expect(result.face!.box[2]).toBeLessThan(right[0])
  })
  variant('the largest where no lips move with a sound that nobody hears', async () => {
    const file = await video('two.mp4', () => [left, right])
    const { video: out, result } = await at.run({ video: file, face: 'speaking' })
    expect(result.face).toMatchObject({ chosen: 'largest', frame: 0 })
    expect(result.face).not.toHaveProperty('sureness')
    expect(drawnCodes(out, crop(right))).toEqual(numbers(25))
  })
  variant('the one inside the box that the job names', async () => {
    const file = await video('two.mp4', () => [left, right])
    const { video: out } = await at.run({ video: file, face: { box: [4, 20, 60, 76] } })
    expect(drawnCodes(out, crop(left))).toEqual(numbers(25))
    expect(drawnCodes(out, crop(right))).toEqual(Array(25).fill(undefined))
  })
  test.each(
    shortlist(0, [
      [12.5, 0.5],
      [50, 2],
    ]),
  )('boxes stay with their source frames at %s fps', async (fps, times) => {
    const file = await video('two.mp4', () => [left, right])
    const boxes = numbers(24).map((i) => (i < 8 ? null : [...left]))
    const { result } = await at.render({ video: file, face: { boxes }, fps, length: 'shortest' })
    expect(result.frames_without_face).toBe(8 * times + (result.frames - 24 * times))
  })
  test.each(shortlist(0, [5, 60, 25]))("a still's one box holds at %s fps", async (fps) => {
    const file = await makeVideo(at.ffmpeg, at.media.file('two.png'), {
      ...{ frames: 1, faces: () => [left, right], encode: ['-frames:v', '1'] },
    })
    const { result, video: out } = await at.run({ video: file, face: { boxes: [left] }, fps })
    expect(result.frames_without_face).toBe(0)
    expect(new Set(drawnCodes(out, crop(left)))).toEqual(new Set([0]))
  })
  test.each(shortlist(1, [12, 0, 24]))(
    'the one at the point of frame %s, before and after it',
    async (frame) => {
      const file = await video('two.mp4', () => [left, right])
      const face = { at: [32, 48], frame }
      const { video: out, result } = await at.run({ video: file, face })
      expect(drawnCodes(out, crop(left))).toEqual(numbers(25))
      expect(drawnCodes(out, crop(right))).toEqual(Array(25).fill(undefined))
      expect(result.face).toMatchObject({ chosen: 'at', frame: 0, confidence: expect.closeTo(0.9) })
      for (const [i, edge] of result.face!.box.entries()) {
        expect(Math.abs(edge - [8, 24, 56, 72][i]!)).toBeLessThanOrEqual(12)
      }
    },
  )
  test('the one pointed at in frames of the source, whatever part and rate are shown', async () => {
    const file = await video('enters.mp4', (i) => (i < 15 ? [] : [left, right]))
    const job = { video: file, face: { at: [32, 48], frame: 15 }, trim: { from: 0.4 } }
    const { result } = await at.render({ ...job, fps: 50, length: 'video' })
    expect(result.frames_without_face).toBeGreaterThanOrEqual(10)
    expect(result.frames_without_face).toBeLessThan(14)
    expect(result.face!.frame).toBe(15)
  })
  const nowhere = [
    [{ at: [80, 130] }, /face\.at: no face is at \(80, 130\) in frame 0; faces are at \[.*\], \[/],
    [{ at: [192, 50] }, /face\.at: \(192, 50\) is outside of the picture, which has 192x144 px/],
    [{ at: [32, 48], frame: 25 }, /face\.frame: the video has no frame 25/],
  ] as const
  test.each(shortlist(1, nowhere))('a point where nobody is: %j', async (face, message) => {
    const file = await video('two.mp4', () => [left, right])
    const { error, models } = await at.fail({ video: file, face })
    expect(error).toMatchObject({ code: 'INVALID_JOB', message: expect.stringMatching(message) })
    expect(models.runs.generate).toBe(0)
  })
  test('boxes frame by frame replace the detector', async () => {
    const file = await video('two.mp4', () => [left, right])
    const boxes = numbers(25).map((i) => (i % 5 === 4 ? null : [...left]))
    const { video: out, result } = await at.run({ video: file, face: { boxes } })
    expect(result.frames_without_face).toBe(5)
    expect(drawnCodes(out, crop(left))).toEqual(
      numbers(25).map((i) => (i % 5 === 4 ? undefined : i)),
    )
  })
  test('a face that walks through the picture is followed', async () => {
    const walk = (i: number): Box => [8 + 3 * i, 20, 72 + 3 * i, 84]
    const file = await video('walk.mp4', (i) => [walk(i)])
    const { video: out, models } = await at.run({ video: file })
    expect(models.codes).toEqual(numbers(25))
    const followed = numbers(25).filter((i) => i >= 6 && i < 19) // where smoothing is symmetric
    expect(followed.map((i) => drawnCodes(out, crop(walk(i)))[i])).toEqual(followed)
  })
  test.each(
    shortlist(1, [
      ['left, upper and lower', [-10, -10, 186, 160]],
      ['left', [-30, 30, 50, 110]],
      ['right', [142, 30, 222, 110]],
      ['upper', [60, -30, 140, 50]],
      ['lower', [60, 90, 140, 170]],
    ] as [string, Box][]),
  )('a face cut by the %s edge', async (_, box) => {
    const file = await video('edge.mp4', () => [box], 5)
    const { result } = await at.render({ video: file, length: 'shortest' })
    expect(result).toMatchObject({ frames: 5, frames_without_face: 0, width: 192, height: 144 })
  })
  variant('a face of 20 px', async () => {
    const file = await video('small.mp4', () => [[80, 60, 100, 80]], 5)
    const { result } = await at.render({ video: file, length: 'shortest' })
    expect(result.frames_without_face).toBe(0)
  })
})

/** Lips are as far apart as a face is taller than wide. */
function tallMouths(models: Models): Models {
  return {
    ...models,
    async run(graph, feeds, rank) {
      const found = await models.run(graph, feeds, rank)
      if (graph !== 'face') return found
      const boxes = found['boxes']!.data as Float32Array
      const landmarks = found['landmarks']!.data as Float32Array
      for (let face = 0; 4 * face < boxes.length; face++) {
        const [x1, y1, x2, y2] = boxes.subarray(4 * face) as unknown as Box
        for (const lower of [65, 66, 67])
          landmarks[136 * face + 2 * lower + 1]! += y2 - y1 - (x2 - x1)
      }
      return found
    },
  }
}

async function voice(seconds: number): Promise<string> {
  return makeSound(at.ffmpeg, at.media.file(`voice-${seconds}.wav`), seconds)
}
