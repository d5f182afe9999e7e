import { renderTools } from '../../helpers/render-tools.ts'
import { describe, expect, test } from 'vitest'
import { tilings } from '../../../handler/render/face/face-finder.ts'
import { faceTracker } from '../../../handler/render/face/face-tracker.ts'
import { markCuts } from '../../../handler/render/face/scene-cut.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'
import type { Models } from '../../../models/inference/models.ts'
import type { Tensor, Tensors } from '../../../models/inference/tensor.ts'
import { landmarksOf, MANIFEST } from '../../helpers/models/fake-models.ts'

const [WIDTH, HEIGHT] = [320, 240]
const FACTS = { rate: { num: 25, den: 1 }, pixelFormat: 'yuv420p', color: {} } as VideoInfo
const GRAPH = MANIFEST.graphs.face!
type Square = readonly [number, number, number, number]
const FACE: Square = [100, 80, 180, 160]
const shifted = ([x1, y1, x2, y2]: Square, by: number): Square => [x1 + by, y1, x2 + by, y2]

/** Luma of what both graphs take for a face, of what `track` alone does, of what `face` alone does. */
const LOOKS = { face: 235, alike: 205, turned: 175 } as const
type Scene = Partial<Record<keyof typeof LOOKS, Square>> & {
  light?: number
  /** Which way the wall gets brighter. */
  wall?: 'across' | 'down'
  /** A dark line across the upper or the lower part of the face. */
  eyes?: 'above' | 'below'
}

function paint(scene: Scene): Uint8Array {
  const frame = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128)
  frame.fill(scene.light ?? 60, 0, WIDTH * HEIGHT)
  for (let i = 0; scene.wall && i < WIDTH * HEIGHT; i++) {
    frame[i] = 40 + (scene.wall === 'across' ? (i % WIDTH) / 4 : i / WIDTH / 3)
  }
  for (const look of ['face', 'alike', 'turned'] as const) {
    const [x1, y1, x2, y2] = scene[look] ?? [0, 0, 0, 0]
    for (let y = y1; y < y2; y++) frame.fill(LOOKS[look], y * WIDTH + x1, y * WIDTH + x2)
  }
  if (scene.eyes && scene.face) {
    const [x1, y1, x2, y2] = scene.face
    const from = scene.eyes === 'above' ? y1 + 8 : y2 - 16
    for (let y = from; y < from + 8; y++) frame.fill(16, y * WIDTH + x1 + 8, y * WIDTH + x2 - 8)
  }
  return frame
}

/** The square of a picture whose pixels look like one of these. */
function squareIn({ dims, data }: Tensor, ...looks: (keyof typeof LOOKS)[]): Square | undefined {
  const levels = looks.map((look) => ((LOOKS[look] - 16) * 255) / 219)
  const box = [Infinity, Infinity, -Infinity, -Infinity] as [number, number, number, number]
  for (let at = 0; at < data.length; at += 3) {
    if (!levels.some((level) => Math.abs(data[at]! - level) < 8)) continue
    const [x, y] = [(at / 3) % dims[1]!, Math.floor(at / 3 / dims[1]!)]
    box[0] = Math.min(box[0], x)
    box[1] = Math.min(box[1], y)
    box[2] = Math.max(box[2], x + 1)
    box[3] = Math.max(box[3], y + 1)
  }
  return box[2] > 0 ? box : undefined
}

function hasEyesBelow({ dims, data }: Tensor, [x1, y1, x2, y2]: Square): boolean {
  const levelAt = (y: number) => data[3 * (y * dims[1]! + Math.round((x1 + x2) / 2))]!
  return levelAt(y2 - 12) < 30 && levelAt(y1 + 11) > 30
}

const f32 = (dims: number[], data: ArrayLike<number>): Tensor => ({
  type: 'float32',
  dims,
  data: Float32Array.from(data),
})
const answers: Record<string, (feeds: Tensors) => Tensors> = {
  face({ image }) {
    const found = squareIn(image!, 'face', 'turned')
    const [boxes, count] = [found ?? [], found ? 1 : 0]
    const landmarks = f32([count, 68, 2], found ? landmarksOf(found) : [])
    const scores = found ? [hasEyesBelow(image!, found) ? 0.7 : 0.9] : []
    return { boxes: f32([count, 4], boxes), scores: f32([count], scores), landmarks }
  },
  track({ image, last }) {
    const found = squareIn(image!, 'face', 'alike')
    const landmarks = f32([1, 68, 2], found ? landmarksOf(found) : last!.data)
    return { landmarks, score: f32([1], [found ? 0.9 : 0.1]) }
  },
}

/** @returns which graphs ran for each frame, and left edge and width of the face that was seen */
async function track(
  scenes: Scene[],
  graphs: 'both' | 'face' = 'both',
  compat?: 'reference',
  first = 0,
) {
  const ran: string[] = []
  const known = graphs === 'both' ? { ...MANIFEST.graphs, track: GRAPH } : MANIFEST.graphs
  const models: Models = {
    manifest: { ...MANIFEST, graphs: known },
    id: 'fake',
    graphs: {},
    async run(graph, feeds) {
      ran[ran.length - 1] += ran.at(-1) ? ` ${graph}` : graph
      return answers[graph]!(feeds)
    },
  }
  const facts = { ...FACTS, width: WIDTH, height: HEIGHT }
  const tracker = faceTracker(
    { models, ...renderTools() },
    facts,
    { face: 'largest', compat } as never,
    2,
  )
  const seen: (number[] | undefined)[] = []
  async function* painted() {
    for (const scene of scenes) yield paint(scene)
  }
  let index = first
  for await (const viewed of markCuts(painted(), facts)) {
    ran.push('')
    const { seen: found } = await tracker.detect(viewed, index++)
    seen.push(found && [found.landmarks[0]!, found.landmarks[32]! - found.landmarks[0]!])
  }
  return { ran, seen }
}

const times = (count: number, scene: (i: number) => Scene) =>
  Array.from({ length: count }, (_, i) => scene(i))

describe('a tracked face', () => {
  test('is followed by its landmarks, and confirmed every two seconds', async () => {
    const slow = (i: number) => i >> 5
    const { ran, seen } = await track(times(103, (i) => ({ face: shifted(FACE, slow(i)) })))
    // The first one is looked at a second time, turned by 180 degrees; then all of the picture is.
    const looks = { 0: 'face face', 1: 'track face', 50: 'face track', 51: 'track face' }
    const expected = (i: number) => looks[(i === 100 ? 50 : i === 101 ? 51 : i) as 0] ?? 'track'
    expect(ran).toEqual(times(103, () => ({})).map((_, i) => expected(i)))
    expect(seen).toEqual(Array.from({ length: 103 }, (_, i) => [100 + slow(i), 80]))
  })

  test('makes everybody be looked at more often while the picture changes', async () => {
    const { ran, seen } = await track(times(40, (i) => ({ face: shifted(FACE, i) })))
    const looks = [...ran.entries()].filter(([, graphs]) => graphs === 'face track')
    expect(looks.map(([i]) => i)).toEqual([13, 26, 39])
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => [100 + i, 80]))
  })

  test('is looked at in the same frames, whenever that began', async () => {
    const scenes = times(140, (i) => ({ face: shifted(FACE, i) }))
    const whole = await track(scenes)
    const part = await track(scenes.slice(60), 'both', undefined, 60)
    expect(part.ran.slice(100 - 60)).toEqual(whole.ran.slice(100))
    expect(part.ran.slice(20, 40)).not.toEqual(whole.ran.slice(80, 100)) // until it knows when to look
  })

  test('is looked for where its landmarks are no longer sure of it', async () => {
    const scenes = times(6, (i) => (i < 4 ? { face: FACE } : { turned: shifted(FACE, 10) }))
    const { ran, seen } = await track(scenes)
    // So much of the picture is new that landmarks are not asked; the wall is still there, so no shot begins.
    expect(ran.slice(4)).toEqual(['face', 'face'])
    expect(seen.slice(4)).toEqual([
      [110, 80],
      [110, 80],
    ])
  })

  test('is given up where the detector sees none, whatever the landmarks stick to', async () => {
    const { seen } = await track(times(54, (i) => (i < 10 ? { face: FACE } : { alike: FACE })))
    expect(seen.slice(48, 50)).toEqual([
      [100, 80],
      [100, 80],
    ])
    expect(seen.slice(50)).toEqual([undefined, undefined, undefined, undefined])
  })

  test('is where the detector sees it, where the two disagree', async () => {
    const both = { alike: shifted(FACE, -60), turned: shifted(FACE, 20) }
    const { seen } = await track(times(52, (i) => (i < 50 ? { face: FACE } : both)))
    expect(seen.slice(50)).toEqual([
      [120, 80],
      [120, 80],
    ])
  })

  test('is left to the detector after a cut', async () => {
    const scenes = times(8, (i) => ({ face: FACE, wall: i < 4 ? 'across' : 'down' }))
    const { ran } = await track(scenes)
    expect(ran.slice(0, 4)).toEqual(['face face', 'track face', 'track', 'track'])
    expect(ran.slice(4)).toEqual(['face face', 'track', 'track', 'track'])
  })

  test('is followed through a change of light', async () => {
    const scenes = times(8, (i) => ({ face: FACE, light: i < 4 ? 60 : 120 }))
    const { ran } = await track(scenes)
    expect(ran.slice(4)).toEqual(Array(4).fill('track'))
  })

  test.each([
    ['without the graph', 'face', undefined],
    ['by the rules of the reference', 'both', 'reference'],
  ] as const)('%s is searched in every frame', async (_, graphs, compat) => {
    const { ran, seen } = await track(
      times(5, () => ({ face: FACE })),
      graphs,
      compat,
    )
    expect(ran).toEqual(['face face', ...Array<string>(4).fill('face')])
    expect(seen[4]).toEqual([100, 80])
  })
})

test.each([
  ['above', [100, 80]],
  ['below', undefined],
] as const)('a face whose eyes are %s is a face, or stands on its head', async (eyes, found) => {
  const { seen } = await track([{ face: FACE, eyes }], 'face')
  expect(seen).toEqual([found])
})

describe('tiles of a frame', () => {
  const counts = (width: number, height: number) =>
    [...tilings([0, 0, width, height])].map((tiles) => tiles.length)

  test('cover a panorama twice, the second time with smaller ones', () => {
    expect(counts(1920, 1080)).toEqual([3, 15])
    expect(counts(7560, 1080)).toEqual([10, 63])
  })

  test('are not made of a ribbon, of which there would be thousands', () => {
    expect(counts(129_600, 64)).toEqual([])
    expect(counts(20_000, 1080)).toEqual([28])
  })
})
