import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handle } from '../../handler/handle.ts'
import { pingPongIndex } from '../../handler/render/frames/frame-schedule.ts'
import type { Ffmpeg } from '../../handler/render/media/ffmpeg.ts'
import type { JobResult } from '../../handler/events/job-events.ts'
import type { Bundle } from '../../models/inference/bundle.ts'
import { crop, copy, image, type Box, type Image } from '../../models/pixels/image.ts'
import { testDeps } from '../helpers/jobs/deps.ts'
import { difference, measured } from '../helpers/media/fidelity-metrics.ts'
import { folder, readVideo, testFfmpeg, type Folder } from '../helpers/media/media.ts'
import {
  canCompare,
  clipBoxes,
  four,
  json,
  KEPT,
  NEEDS,
  openParity,
} from '../helpers/models/parity.ts'
import { parityBundle } from '../helpers/models/parity.ts'
import { crc, swapped } from '../helpers/media/test-pattern.ts'
import { readPng } from '../helpers/media/png.ts'
import { differing, readRgb } from '../helpers/media/read-rgb.ts'
import { shared } from '../helpers/fixture-paths.ts'
import { ssim } from '../helpers/media/ssim.ts'

const NODE = process.execPath
const MAIN = new URL('../../runtime/main.ts', import.meta.url).pathname

const jobOf = () => ({
  video: shared('golden/clip/frames.mkv'),
  audio: shared('golden/clip/audio.wav'),
  face: { boxes: clipBoxes() },
  compat: 'reference',
  output: { lossless: true },
})

describe.skipIf(!canCompare)(`the golden clip as a job ${NEEDS}`, () => {
  const FRAMES = 40
  let [place, ffmpeg, bundle, result]: [Folder?, Ffmpeg?, Bundle?, JobResult?] = []
  let [source, out]: Image[][] = []
  const faces: Image[] = [] // as the generator drew them, in order of the outputs that have one
  const boxes = canCompare ? clipBoxes() : []
  const clip = canCompare ? json('golden/clip/clip.json') : undefined
  const shown = (output: number) => pingPongIndex(output, FRAMES)
  const boxAt = (output: number): Box | undefined => {
    const box = boxes[shown(output)]
    return box ? [box[0], box[1], box[2], Math.min(768, box[3] + 10)] : undefined
  }
  /** The reference's picture of an output, its latents indexed by frame number. */
  const composed = (output: number): Image => {
    const aligned = shared(`golden/clip/blended/aligned-${four(output)}.png`)
    const plain = shared(`golden/clip/blended/ref-${four(output)}.png`)
    return readPng(existsSync(aligned) ? aligned : plain)
  }

  beforeAll(async () => {
    ;[place, ffmpeg, bundle] = await Promise.all([folder(), testFfmpeg(), openParity()])
    const models = bundle
    const watched: Bundle = {
      ...models,
      async run(graph, feeds) {
        const outputs = await models.run(graph, feeds)
        const drawn = graph === 'generate' ? (outputs['face']!.data as Uint8Array) : []
        for (let at = 0; at < drawn.length; at += 196_608) {
          faces.push(image(256, 256, 3, Uint8Array.from(drawn.slice(at, at + 196_608))))
        }
        return outputs
      },
    }
    const deps = await testDeps(place, ffmpeg, watched)
    result = await handle(jobOf(), deps)
    source = await readRgb(ffmpeg, shared('golden/clip/frames.mkv'))
    out = await readRgb(ffmpeg, result.output_url)
    expect(await deps.left()).toEqual([])
  }, 600_000)
  afterAll(async () => {
    await bundle?.[Symbol.asyncDispose]()
    await place?.[Symbol.asyncDispose]()
  })

  test('lasts as long as the reference’s', async () => {
    expect(result).toMatchObject({ frames: clip.T, fps: 25, frames_without_face: 1 })
    const { audioS, fps, frames } = await readVideo(ffmpeg!, result!.output_url)
    expect(frames).toBe(clip.T)
    expect(fps).toBe(25)
    const found = Math.abs(audioS - frames / fps)
    measured({ check: '18', what: 'sound against picture, s', figure: 'off', found, limit: 0.04 })
  })

  test('shows the source’s frames to and fro, and changes nothing outside the crop boxes', () => {
    const sums = source!.map((frame) => crc(swapped(frame)))
    expect(sums).toEqual(clip.frames.bgr_crc32)
    let [changed, untouched] = [0, 0]
    for (const [i, frame] of out!.entries()) {
      const box = boxAt(i)
      changed += differing(frame, source![shown(i)]!, box)
      if (!box) untouched++
    }
    const what = 'outside the crop boxes, all 75 frames'
    measured({ check: '17, 19', what, figure: 'bytes that differ', found: changed, limit: 0 })
    expect(untouched).toBe(2) // outputs 17 and 62 show the frame without a face
  })

  test('has the reference’s faces', () => {
    const figures = KEPT.map((output) => {
      const [left, top, right, bottom] = boxAt(output)!
      const [ours, theirs] = [out![output]!, composed(output)].map((frame) => {
        const cut = image(right - left, bottom - top, 3)
        copy(crop(frame, [left, top, right, bottom]), cut)
        return cut.data
      })
      return difference(ours!, theirs!)
    })
    const worst = (pick: (d: (typeof figures)[number]) => number) => Math.max(...figures.map(pick))
    const row = { check: '19', what: 'eight composed frames, inside the crop boxes' }
    measured({ ...row, figure: 'max, levels', found: worst((d) => d.max), limit: 1 })
    const overOne = { figure: '% of bytes off by more than 1', limit: 0.5 }
    measured({ ...row, ...overOne, found: 100 * worst((d) => d.overOne) })
    const off = { figure: '% of bytes that differ', limit: 0.5 }
    measured({ ...row, ...off, found: 100 * worst((d) => d.off) })
    const likeness = KEPT.map((i) => ssim(out![i]!, composed(i), boxAt(i)!))
    const lost = { figure: '1 - SSIM', found: 1 - Math.min(...likeness), limit: 1e-3 }
    measured({ ...row, ...lost, golden: 1e-4 })
  })

  test('would be told from its neighbours and from the source', () => {
    const row = { check: '19', figure: '1 - SSIM', limit: 1e-3, control: true as const }
    const late = 1 - ssim(out![21]!, composed(20), boxAt(20)!)
    measured({ ...row, what: 'a composed frame, one frame late', found: late })
    const plain = 1 - ssim(source![shown(20)]!, composed(20), boxAt(20)!)
    measured({ ...row, what: 'the source instead of a composed frame', found: plain })
    const red = swapped(out![20]!)
    const color = 1 - ssim(red, composed(20), boxAt(20)!)
    measured({ ...row, what: 'a composed frame with red and blue swapped', found: color })
  })

  test('has the colors of the reference’s faces', () => {
    const drawn = out!.flatMap((_, i) => (boxAt(i) ? [i] : []))
    expect(faces).toHaveLength(drawn.length)
    const means = ({ data }: Image) =>
      [2, 1, 0].map((c) => data.reduce((sum, v, i) => sum + (i % 3 === c ? v : 0), 0) / 65_536)
    // Where a frame before has no face, the reference itself draws from another frame's latent.
    const outputs = clip.outputs as {
      frame: number
      latent_of_frame: number
      face_mean_bgr: number[]
    }[]
    const alike = drawn.flatMap((output, k) => {
      const { frame, latent_of_frame, face_mean_bgr } = outputs[output]!
      return frame === latent_of_frame ? [{ ours: means(faces[k]!), face_mean_bgr }] : []
    })
    expect(alike.length).toBeGreaterThanOrEqual(17)
    const most = (turn: (bgr: number[]) => number[]) =>
      Math.max(...alike.map(({ ours, face_mean_bgr }) => difference(turn(ours), face_mean_bgr).max))
    const row = { check: '20', figure: 'max, levels', limit: 0.02 }
    const what = `mean blue, green and red of ${alike.length} faces`
    measured({ ...row, what, found: most((bgr) => bgr) })
    const turned = most((bgr) => [...bgr].toReversed())
    measured({ ...row, what: `${what}, red and blue swapped`, found: turned, control: true })
  })

  test('comes out the same from the command line', { timeout: 600_000 }, async () => {
    const [job, file] = [place!.file('job.json'), place!.file('cli.mkv')]
    await writeFile(job, JSON.stringify(jobOf()))
    const args = ['run', '--bundle', parityBundle, '--job', job, '--out', file, '--json']
    const env = { ...process.env, SCRATCH_DIR: place!.file('cli'), CACHE_MAX_MB: '0' }
    const { stdout } = await promisify(execFile)(NODE, [MAIN, ...args], { env })
    expect(JSON.parse(stdout)).toMatchObject({ status: 'succeeded', frames: clip.T, fps: 25 })
    const frames = await readRgb(ffmpeg!, file)
    expect(frames).toHaveLength(clip.T)
    const figures = frames.map((frame, i) => difference(frame.data, out![i]!.data))
    const row = { check: '19', what: 'the command line against handle(), whole frames' }
    // It may load optimized copies of the graphs, whose sums are rounded in another order.
    const max = Math.max(...figures.map((d) => d.max))
    measured({ ...row, figure: 'max, levels', found: max, limit: 1 })
    const off = 100 * Math.max(...figures.map((d) => d.off))
    measured({ ...row, figure: '% of bytes that differ', found: off, limit: 0.05 })
  })
})
