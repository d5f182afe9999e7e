import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handle } from '../../handler/handle.ts'
import { cropBoxOf } from '../../handler/render/face/face-box.ts'
import type { Ffmpeg } from '../../handler/render/media/ffmpeg.ts'
import type { Bundle } from '../../models/inference/bundle.ts'
import type { MaskMode } from '../../models/pixels/parsing-mask.ts'
import { classMask } from '../reference/parsing-mask.ts'
import type { Box, Image } from '../../models/pixels/image.ts'
import { cropBox } from '../../models/pixels/blend-mask.ts'
import { faceMask } from '../reference/blend-mask.ts'
import { testDeps, type TestDeps } from '../helpers/jobs/deps.ts'
import { ffmpeg as run, folder, makeSound, readVideo, testFfmpeg } from '../helpers/media/media.ts'
import type { Folder } from '../helpers/media/media.ts'
import { canCompare, clipBoxes, NEEDS, openParity } from '../helpers/models/parity.ts'
import { readPng } from '../helpers/media/png.ts'
import { differing, readRgb } from '../helpers/media/read-rgb.ts'
import { shared } from '../helpers/fixture-paths.ts'

describe.skipIf(!canCompare)(`jobs by the recommended rules ${NEEDS}`, () => {
  let [place, ffmpeg, bundle, deps]: [Folder?, Ffmpeg?, Bundle?, TestDeps?] = []
  let video: string // the first three frames of the golden clip
  let source: Image[]
  const boxes = canCompare ? clipBoxes().slice(0, 3) : []
  const frame = { width: 576, height: 768 }
  const boxAt = (i: number): Box => cropBoxOf(boxes[i]!, bundle!.manifest.crop, frame)!

  beforeAll(async () => {
    ;[place, ffmpeg, bundle] = await Promise.all([folder(), testFfmpeg(), openParity()])
    deps = await testDeps(place, ffmpeg, bundle)
    video = place.file('three.mkv')
    const clip = ['-i', shared('golden/clip/frames.mkv'), '-frames:v', '3', '-c', 'copy', video]
    await run(ffmpeg.path, clip)
    source = await readRgb(ffmpeg, video)
  })
  afterAll(async () => {
    await bundle?.[Symbol.asyncDispose]()
    await place?.[Symbol.asyncDispose]()
  })

  /** A job with the clip's boxes and so many seconds of a tone. */
  async function job(seconds: number, more: Record<string, unknown>, sound?: string) {
    const audio = await makeSound(ffmpeg!, place!.file('tone.wav'), seconds, [], sound)
    const result = await handle({ video, audio, face: { boxes }, ...more }, deps!)
    expect(await deps!.left()).toEqual([])
    return result
  }
  const LOSSLESS = { output: { lossless: true } }

  test.each(['jaw', 'raw', 'neck'] as MaskMode[])('mask %s', { timeout: 240_000 }, async (mask) => {
    const result = await job(0.04, { mask, ...LOSSLESS })
    const [out] = await readRgb(ffmpeg!, result.output_url)
    const classes = readPng(shared('golden/clip/parsing/frame-0000-classes.png'))
    const cover = faceMask(classMask(classes, mask), boxAt(0))
    const [left, top, right, bottom] = cropBox(boxAt(0))
    let [wrong, drawn, whole] = [0, 0, 0]
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const level = cover.data[(y - top) * cover.width + x - left]!
        const at = 3 * (y * frame.width + x)
        const changed = [0, 1, 2].some((c) => out!.data[at + c] !== source[0]!.data[at + c])
        if (changed && level === 0) wrong++
        if (level === 255) whole++
        if (changed && level === 255) drawn++
      }
    }
    expect(differing(out!, source[0]!, [left, top, right, bottom])).toBe(0)
    expect(wrong).toBe(0)
    expect(whole).toBeGreaterThan(1000)
    expect(drawn / whole).toBeGreaterThan(0.98) // the drawn face is noise
  })

  test('a clip goes to and fro', { timeout: 240_000 }, async () => {
    const result = await job(0.28, LOSSLESS)
    expect(result).toMatchObject({ frames: 7, frames_without_face: 0 })
    const out = await readRgb(ffmpeg!, result.output_url)
    for (const [i, shown] of [0, 1, 2, 2, 1, 0, 0].entries()) {
      expect(differing(out[i]!, source[shown]!, boxAt(shown))).toBe(0)
      expect(differing(out[i]!, source[shown]!)).toBeGreaterThan(1000)
    }
  })

  test('into H.264 with sound', { timeout: 240_000 }, async () => {
    const result = await job(0.12, {})
    const out = await readVideo(ffmpeg!, result.output_url)
    expect(out).toMatchObject({ width: 576, height: 768, frames: 3, fps: 25, hasAudio: true })
    expect(out.line).toContain('h264')
  })

  test('a pause shows the source', { timeout: 240_000 }, async () => {
    const pause = "aevalsrc='if(lt(t,0.08),0.5*sin(1400*t),0)':d=0.8:s=16000"
    const result = await job(0.8, { silence: 'source', ...LOSSLESS }, pause)
    const out = await readRgb(ffmpeg!, result.output_url)
    expect(out).toHaveLength(20)
    const shown = out.map((_, i) => [0, 1, 2, 2, 1, 0][i % 6]!)
    const changed = out.map((picture, i) => differing(picture, source[shown[i]!]!))
    expect(changed[0]).toBeGreaterThan(1000)
    expect(changed.slice(10)).toEqual(Array(10).fill(0))
  })

  test('without boxes, a bundle that has no detector says what it needs', async () => {
    const { face: _, face_reference: __, ...graphs } = bundle!.manifest.graphs
    const blind = { ...bundle!, manifest: { ...bundle!.manifest, graphs } }
    const audio = await makeSound(ffmpeg!, place!.file('tone.wav'), 0.2)
    const without = await testDeps(place!, ffmpeg!, blind)
    for (const compat of [{}, { compat: 'reference' }]) {
      const failure = handle({ video, audio, ...compat }, without)
      await expect(failure).rejects.toMatchObject({ code: 'INVALID_JOB', retryable: false })
      await expect(failure).rejects.toThrow('face.boxes')
    }
  })
})
