import { renderTools } from '../helpers/render-tools.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Region } from '../../handler/render/face/face-box.ts'
import type { VideoInfo } from '../../handler/render/media/media-info.ts'
import { markCuts } from '../../handler/render/face/scene-cut.ts'
import { passThroughTrack } from '../../handler/render/face/smooth-track.ts'
import { faceTracker } from '../../handler/render/face/face-tracker.ts'
import type { FaceDetection } from '../../handler/render/face/face-box.ts'
import type { Bundle } from '../../models/inference/bundle.ts'
import type { Image } from '../../models/pixels/image.ts'
import { difference, measured } from '../helpers/media/fidelity-metrics.ts'
import { testFfmpeg } from '../helpers/media/media.ts'
import { hasDetector, json, NEEDS, openParity } from '../helpers/models/parity.ts'
import { readPng } from '../helpers/media/png.ts'
import { readRgb } from '../helpers/media/read-rgb.ts'
import { shared } from '../helpers/fixture-paths.ts'

interface Pose {
  face_int32: [number, number][]
  'points_with_margin_below_5e-5': number
  box_if_a_face_is_found: Region
}

describe.skipIf(!hasDetector)(`faces ${NEEDS}; a bundle with a pose network`, () => {
  let bundle: Bundle
  beforeAll(async () => {
    bundle = await openParity()
  })
  afterAll(() => bundle?.[Symbol.asyncDispose]())

  /** What the pipeline sees in a picture by the reference's rule. */
  const look = async (picture: Image): Promise<FaceDetection | undefined> => {
    const { width, height } = picture
    const facts = { width, height, rate: { num: 25, den: 1 }, pixelFormat: 'rgb24' } as VideoInfo
    const tracker = faceTracker(
      { models: bundle, ...renderTools() },
      facts,
      { face: 'largest', compat: 'reference' },
      1,
    )
    const [viewed] = await Array.fromAsync(markCuts(once(picture.data), facts))
    return (await tracker.detect(viewed!, 0)).seen
  }
  const found: Record<string, Region | null> = {}
  const boxes = hasDetector ? json('golden/s3fd/s3fd.json') : {}
  for (const [name, { returned_box }] of Object.entries<any>(boxes)) found[name] = returned_box

  test.each(Object.entries(found))('S3FD’s box in %s', async (name, wanted) => {
    const seen = await look(readPng(shared(`golden/s3fd/${name}.png`)))
    const off = difference(seen!.detected.map(Math.trunc), wanted!).max
    measured({ check: '9', what: `box in ${name}`, figure: 'max, px', found: off, limit: 1 })
  })
  test('no face where none is sure enough', async () => {
    expect(json('golden/s3fd/none.json').returned_box).toBeNull()
    expect(await look(readPng(shared('golden/s3fd/none.png')))).toBeUndefined()
  })

  const photos = ['sun-0', 'yongen-100', 'wide']
  test.each(photos)('landmarks and box in %s', { timeout: 300_000 }, async (name) => {
    const wanted = json('golden/pose/pose.json').images[name] as Pose
    const picture =
      name === 'sun-0'
        ? (await readRgb(await testFfmpeg(), shared('golden/clip/frames.mkv')))[0]!
        : readPng(shared(`golden/pose/${name}.png`))
    const seen = await look(picture)
    expect(seen).toBeDefined()
    const whole = Array.from(seen!.landmarks, Math.trunc)
    const moved = wanted.face_int32.filter(
      ([x, y], i) => whole[2 * i] !== x || whole[2 * i + 1] !== y,
    )
    // Where two bins are as good as equal, another may win.
    const limit = wanted['points_with_margin_below_5e-5']
    const row = { check: '8', what: `68 landmarks in ${name}`, figure: 'points that differ' }
    measured({ ...row, found: moved.length, limit })
    const [settled] = await Array.fromAsync(passThroughTrack(once({ seen })))
    const off = difference(settled!.face!.region, wanted.box_if_a_face_is_found).max
    const box = { check: '10', what: `box from landmarks in ${name}`, figure: 'max, px' }
    measured({ ...box, found: off, limit: 0 })
  })
})

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item
}
