import { describe, expect, test } from 'vitest'
import { isSameBackdrop, isSameScene, markCuts } from '../../../handler/render/face/scene-cut.ts'
import type { VideoInfo } from '../../../handler/render/media/media-info.ts'

const [WIDTH, HEIGHT] = [128, 72]
const FINE = 2.5 // steps of a picture that is described per pixel
const facts = (rate = 25) =>
  ({
    width: WIDTH,
    height: HEIGHT,
    rate: { num: rate, den: 1 },
    pixelFormat: 'yuv420p',
    color: {},
  }) as VideoInfo

const clamp = (level: number) => Math.max(16, Math.min(235, level))

/** In a space of 320 x 180. */
type Picture = (x: number, y: number) => number

/** Luma of a frame; chroma says nothing. */
function paint(picture: Picture): Uint8Array {
  const frame = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128)
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) frame[at++] = clamp(picture(x * FINE, y * FINE))
  }
  return frame
}

/** Two rooms: soft stripes of other widths and directions. */
const room: Picture = (x, y) => 110 + 60 * Math.sin(x / 17) * Math.cos(y / 23)
const street: Picture = (x, y) => 120 + 70 * Math.cos((x + 2 * y) / 29)
const moved =
  (picture: Picture, dx: number, dy = 0): Picture =>
  (x, y) =>
    picture(x - dx, y - dy)
const lit =
  (picture: Picture, gain: number, offset: number): Picture =>
  (x, y) =>
    gain * picture(x, y) + offset
const mixed =
  (a: Picture, b: Picture, share: number): Picture =>
  (x, y) =>
    (1 - share) * a(x, y) + share * b(x, y)
/** A second picture in the left part of the first. */
const beside =
  (a: Picture, b: Picture, share: number): Picture =>
  (x, y) =>
    x < share * 320 ? b(x, y) : a(x, y)

async function cutsIn(count: number, pictureOf: (i: number) => Picture, rate?: number) {
  async function* frames() {
    for (let i = 0; i < count; i++) yield paint(pictureOf(i))
  }
  return Array.fromAsync(markCuts(frames(), facts(rate)))
}
const wholeCuts = async (count: number, pictureOf: (i: number) => Picture, rate?: number) =>
  (await cutsIn(count, pictureOf, rate)).flatMap(({ cut }, i) => (cut?.whole ? [i] : []))

/** Somebody before a plain wall of a level, or nobody. */
const studio =
  (wall: number, there?: Picture): Picture =>
  (x, y) =>
    there && x > 90 && x < 230 ? there(x, y) : wall

describe('a plain wall', () => {
  test('that stays says that the shot does, whoever comes and goes', async () => {
    const seen = await cutsIn(20, (i) => studio(120, i < 10 ? room : street))
    expect(seen.flatMap(({ cut }, i) => (cut ? [`${i} ${cut.whole}`] : []))).toEqual(['10 false'])
    expect(seen[10]!.cut!.covers([40, 20, 90, 60])).toBe(true)
    const [before, after] = [seen[0]!.view, seen[19]!.view]
    expect(isSameScene(before, after)).toBe(true)
    expect(isSameBackdrop(before, after)).toBe(true)
  })
  test.each([
    ['black bars', 0, 0],
    ['another wall', 120, 200],
  ])('that are %s says nothing', async (_, before, after) => {
    const shots = (i: number) => (i < 10 ? studio(before, room) : studio(after, street))
    expect(await wholeCuts(20, shots)).toEqual([10])
  })
})

describe('a shot begins', () => {
  test('where another picture follows', async () => {
    expect(await wholeCuts(30, (i) => (i < 14 ? room : street))).toEqual([14])
  })
  test('where the same picture jumps aside', async () => {
    expect(await wholeCuts(30, (i) => moved(room, i < 14 ? 0 : 24))).toEqual([14])
  })
  test('several times', async () => {
    const shots = await wholeCuts(40, (i) => ((i / 10) & 1 ? street : room))
    expect(shots).toEqual([10, 20, 30])
  })
  test('in front of a camera that shakes', async () => {
    const shaken = (i: number) => moved(i < 14 ? room : street, 4 * Math.sin(i * 1.7))
    expect(await wholeCuts(30, shaken)).toEqual([14])
  })
  test('at 120 frames a second, where each picture is shown four times', async () => {
    const slow = (i: number) => moved(i < 64 ? room : street, (i >> 2) * 2)
    expect(await wholeCuts(120, slow, 120)).toEqual([64])
  })
  test('after a black frame, which is blank', async () => {
    const frames = await cutsIn(10, (i) => (i === 0 ? () => 16 : room))
    expect(frames.map(({ blank }) => blank)).toEqual([true, ...Array<boolean>(9).fill(false)])
    expect(frames[1]!.cut?.whole).toBe(true)
  })
})

describe('no shot begins', () => {
  const none: [string, (i: number) => Picture][] = [
    ['in a still picture', () => room],
    ['in a slow pan', (i) => moved(room, 2 * i)],
    ['when a camera begins to pan fast', (i) => moved(room, i < 10 ? 0 : 14 * (i - 10))],
    ['when a camera shakes', (i) => moved(room, 7 * Math.sin(i * 1.7), 5 * Math.cos(i * 2.3))],
    ['in a zoom', (i) => (x, y) => room(x / (1 + i / 40), y / (1 + i / 40))],
    ['in a dissolve', (i) => mixed(room, street, Math.min(1, Math.max(0, (i - 8) / 12)))],
    ['in a fade', (i) => lit(room, 1 - i / 30, (16 * i) / 30)],
    ['where the light is switched on', (i) => (i < 14 ? room : lit(room, 0.6, 10))],
    ['in a flash', (i) => (i === 14 ? lit(room, 0.5, 120) : room)],
    ['in flicker', (i) => lit(room, i & 1 ? 1 : 0.85, 0)],
    ['in grain', (i) => (x, y) => room(x, y) + ((x * 7919 + y * 104729 + i * 31337) % 61) - 30],
  ]
  test.each(none)('%s', async (_, pictureOf) => {
    expect(await wholeCuts(30, pictureOf)).toEqual([])
  })
  test.each(['in a slow pan', 'in a zoom', 'in a fade', 'in flicker', 'in grain'])(
    '%s, nor in a part of it',
    async (name) => {
      const frames = await cutsIn(30, none.find(([of]) => of === name)![1])
      expect(frames.every(({ cut }) => cut === undefined)).toBe(true)
    },
  )
})

test('a part of the picture can be another one while the rest stays', async () => {
  const frames = await cutsIn(30, (i) => (i < 14 ? room : beside(room, street, 0.5)))
  const cut = frames[14]!.cut!
  expect(cut.whole).toBe(false)
  expect(cut.covers([8, 16, 48, 56])).toBe(true)
  expect(cut.covers([80, 16, 120, 56])).toBe(false)
  expect(frames.filter((frame) => frame.cut)).toHaveLength(1)
})

test('frames come out in order and are held back by a tenth of a second', async () => {
  let pulled = 0
  async function* frames() {
    for (; pulled < 20; pulled++) yield paint(moved(room, pulled))
  }
  let index = 0
  for await (const { frame } of markCuts(frames(), facts(30))) {
    expect(Buffer.compare(frame, paint(moved(room, index++)))).toBe(0)
    expect(pulled - index).toBeLessThanOrEqual(3)
  }
  expect(index).toBe(20)
})

test('pictures are of one scene while most of it is where it was', async () => {
  const views = (
    await cutsIn(
      5,
      (i) => [room, lit(room, 0.7, 20), beside(room, street, 0.5), street, moved(room, 60)][i]!,
    )
  ).map(({ view }) => view)
  expect(views.slice(1).map((view) => isSameScene(views[0]!, view))).toEqual([
    true,
    true,
    false,
    false,
  ])
})
