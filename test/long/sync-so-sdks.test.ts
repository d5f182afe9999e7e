import { readFile, writeFile } from 'node:fs/promises'
import { SyncClient, type Sync } from '@sync.so/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRenderer } from '../../handler/render/render.ts'
import type { Box } from '../../models/pixels/image.ts'
import { generateByPython, type Made } from '../helpers/sync-so/python-sdk.ts'
import { scenario } from '../helpers/jobs/scenario.ts'
import { drawnCodes, H264, makeSound, makeVideo } from '../helpers/media/media.ts'
import { readVideo, shownCodes, type Video } from '../helpers/media/media.ts'
import { fakeModels } from '../helpers/models/fake-models.ts'
import { webServer, type WebServer } from '../helpers/servers/loopback-server.ts'
import { pretendedEngine, pushServer } from '../helpers/servers/worker-server.ts'

/**
 * sync.so's SDKs, unmodified, against a real server and a real render with simulated models: what they
 * ask for is looked up in the pictures of what they get. Which frame of a source is shown, and on whom a
 * mouth was drawn, is written in these.
 */
const isWanted = process.env['SDK_TEST'] === '1'
/** A Python with the package; `.ci/long` has one. */
const python = process.env['SYNC_PYTHON']

const KEY = 'the key'
const FPS = 25
const FRAMES = 30
const LEFT: Box = [8, 16, 88, 96]
const RIGHT: Box = [104, 16, 184, 96]

const at = await scenario()
let files: WebServer
let worker: Awaited<ReturnType<typeof pushServer>>
beforeAll(async () => {
  if (!isWanted) return
  const faces = () => [LEFT, RIGHT]
  await makeVideo(at.ffmpeg, at.media.file('two.mp4'), { frames: FRAMES, faces, encode: H264 })
  await makeSound(at.ffmpeg, at.media.file('long.wav'), 2)
  files = await webServer(async ({ url = '' }, response) => {
    response.end(await readFile(at.media.file(url.slice(1))))
  })
  const render = createRenderer(fakeModels(), at.ffmpeg)
  worker = await pushServer({ API_KEY: KEY }, { engines: { ...pretendedEngine(), render } })
})
afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await files?.[Symbol.asyncDispose]()
})

const video = (): Sync.Input => ({ type: 'video', url: files.url('two.mp4') })
const audio = (name: string, refId?: string): Sync.Input => ({
  ...{ type: 'audio', url: files.url(name) },
  ...(refId && { refId }),
})
const drawnOn = (video: Video, [x1, y1, x2, y2]: Box) => drawnCodes(video, [x1, y1, x2, y2 + 10])
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

interface Case {
  request(): Omit<Sync.CreateGenerationDto, 'model'>
  frames: number
  /** Source frame that a frame of the result shows. */
  shown(i: number): number
  /** Whether its mouth is drawn, where that is certain: nothing is said of how one comes and goes. */
  drawn?: (i: number) => boolean | undefined
  on?: Box
}

const inMode = (sync_mode: Sync.SyncMode, sound: string) => () => ({
  ...{ input: [video(), audio(sound)], options: { sync_mode } },
})
const to = (i: number) => (i < FRAMES ? i : 2 * FRAMES - 1 - i)
const speaker = (active_speaker_detection: Sync.ActiveSpeaker) => () => ({
  ...{ input: [video(), audio('voice.wav')], options: { active_speaker_detection } },
})

/** `voice.wav` lasts a second, `long.wav` two, the video 1.2. */
const CASES: Record<string, Case> = {
  'bounce, a longer recording': { request: inMode('bounce', 'long.wav'), frames: 50, shown: to },
  'bounce, a shorter one': { request: inMode('bounce', 'voice.wav'), frames: 25, shown: to },
  loop: { request: inMode('loop', 'long.wav'), frames: 50, shown: (i) => i % FRAMES },
  cut_off: { request: inMode('cut_off', 'long.wav'), frames: FRAMES, shown: to },
  silence: {
    ...{ request: inMode('silence', 'voice.wav'), frames: FRAMES, shown: to },
    drawn: (i) => (i < 20 ? true : i < 25 ? undefined : false),
  },
  remap: {
    request: inMode('remap', 'long.wav'),
    ...{ frames: 50, shown: (i) => Math.floor((i * FRAMES) / 50) },
  },
  segments: {
    request: () => ({
      input: [video(), audio('voice.wav', 'short'), audio('long.wav', 'long')],
      segments: [
        { startTime: 0.2, endTime: 0.6, audioInput: { refId: 'short' } },
        { startTime: 0.8, endTime: 1.2, audioInput: { refId: 'long', startTime: 1, endTime: 2 } },
      ],
    }),
    ...{ frames: FRAMES, shown: to },
    drawn: (i) => (i < 5 || (i >= 15 && i < 20) ? false : (i > 7 && i < 11) || i > 22 || undefined),
  },
  'the speaker at a point': {
    request: speaker({ frame_number: 3, coordinates: [144, 50] }),
    ...{ frames: 25, shown: to, on: RIGHT },
  },
  'the speaker in boxes': {
    request: speaker({ bounding_boxes: numbers(FRAMES).map(() => [...RIGHT]) }),
    ...{ frames: 25, shown: to, on: RIGHT },
  },
  'whoever speaks, where nobody does': {
    request: speaker({ auto_detect: true }),
    ...{ frames: 25, shown: to },
  },
}

async function expectMade(made: Made, { frames, shown, drawn = () => true, on = LEFT }: Case) {
  expect(made).toMatchObject({ status: 'COMPLETED', outputDuration: frames / FPS })
  const response = await fetch(made.outputUrl!, { headers: { 'x-api-key': KEY } })
  const file = at.media.file('made.mp4')
  await writeFile(file, await response.bytes())
  const result = await readVideo(at.ffmpeg, file)
  const expected = numbers(frames).map(shown)
  expect(shownCodes(result)).toEqual(expected)
  const mouths = drawnOn(result, on)
  for (const i of numbers(frames)) {
    const isDrawn = drawn(i)
    if (isDrawn !== undefined) {
      expect(mouths[i], `frame ${i}`).toBe(isDrawn ? expected[i] : undefined)
    }
  }
  const other = drawnOn(result, on === LEFT ? RIGHT : LEFT)
  expect(other.filter((code) => code !== undefined)).toEqual([])
}

describe.skipIf(!isWanted)('the npm client @sync.so/sdk', () => {
  test.each(Object.entries(CASES))('%s', async (_, one) => {
    const { generations } = new SyncClient({ baseUrl: worker.url, apiKey: KEY })
    const { id } = await generations.create({ model: 'lipsync-2', ...one.request() })
    let made = await generations.get(id)
    while (['PENDING', 'PROCESSING'].includes(made.status)) made = await generations.get(id)
    expect((await generations.list({ ids: [id] })).map((listed) => listed.id)).toEqual([id])
    await expectMade(made, one)
  })
})

describe.skipIf(!isWanted || !python)('the Python client syncsdk (needs its package)', () => {
  let made: Map<string, Made & { isListed: boolean }>
  let answers: { missing: number; refused: number }
  beforeAll(async () => {
    const requests = Object.values(CASES).map(({ request }) => {
      return { model: 'lipsync-2', ...request() } as const
    })
    const { generations, ...rest } = await generateByPython(
      python!,
      { url: worker.url, key: KEY },
      requests,
    )
    made = new Map(Object.keys(CASES).map((name, i) => [name, generations[i]!]))
    answers = rest
  })
  test.each(Object.entries(CASES))('%s', async (name, one) => {
    expect(made.get(name)).toMatchObject({ isListed: true })
    await expectMade(made.get(name)!, one)
  })
  test('is told by status what is not there, or not taken', () => {
    expect(answers).toEqual({ missing: 404, refused: 400 })
  })
})
