import { readFile, writeFile } from 'node:fs/promises'
import { SyncClient, type Sync } from '@sync.so/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRenderer } from '../../handler/render/render.ts'
import { openBundle } from '../../models/inference/bundle.ts'
import type { Box } from '../../models/pixels/image.ts'
import { LITE } from '../../runtime/config/bundle-directory.ts'
import { generateByPython, type Made } from '../helpers/sync-so/python-sdk.ts'
import { hasShared, shared } from '../helpers/fixture-paths.ts'
import { scenario } from '../helpers/jobs/scenario.ts'
import { ffmpeg, readVideo, type Video } from '../helpers/media/media.ts'
import { bodyOf, webServer, type WebServer } from '../helpers/servers/loopback-server.ts'
import { pretendedEngine, pushServer } from '../helpers/servers/worker-server.ts'

/**
 * What sync.so's SDKs ask for, done with a real clip by `lite`: which frame of the clip each frame of a
 * result shows is known by its nearest likeness above the mouth, that a mouth was drawn by how much differs there.
 */
const isWanted = process.env['SDK_TEST'] === '1' && hasShared
/** A Python with the package; `.ci/long` has one. */
const python = process.env['SYNC_PYTHON']

const KEY = 'the key'
const FPS = 25
const FRAMES = 30
const PAN = 2 // px a frame
const at = await scenario()
const run = (...args: string[]) => ffmpeg(at.ffmpeg.path, ['-v', 'error', ...args])
/** The bodies of webhooks, by generation. */
const told = new Map<string, { status: string }>()
let files: WebServer
let worker: Awaited<ReturnType<typeof pushServer>>
let models: Awaited<ReturnType<typeof openBundle>>
let clip: Video
let face: Box
beforeAll(async () => {
  if (!isWanted) return
  const path = at.media.file('clip.mp4')
  // She moves little from one frame to the next: a camera that pans tells them apart.
  const pan = `scale=348:464,crop=288:384:${PAN}*n:40`
  const cut = ['-frames:v', String(FRAMES), '-vf', pan, '-crf', '8']
  await run('-ss', '2', '-i', shared('media/sun.mp4'), ...cut, path)
  // Aloud from the first word.
  await run('-ss', '4', '-t', '2', '-i', shared('media/eng.wav'), at.media.file('speech.wav'))
  await run('-t', '0.6', '-i', at.media.file('speech.wav'), at.media.file('word.wav'))
  const mirrored = ['-filter_complex', '[0]hflip[right];[0][right]hstack', '-crf', '8']
  await run('-i', path, ...mirrored, at.media.file('two.mp4'))
  models = await openBundle(LITE, { device: 'cpu', threads: 1, lanes: 1 })
  clip = await readVideo(at.ffmpeg, path)
  const { result } = await at.render({ video: path, speech: { to: 0.2 } }, { models })
  face = result.face!.box
  files = await webServer(async (request, response) => {
    const { url = '', method } = request
    if (method === 'GET') return void response.end(await readFile(at.media.file(url.slice(1))))
    const called = JSON.parse((await bodyOf(request)).toString()) as { id: string; status: string }
    told.set(called.id, called)
    response.end()
  })
  const engines = { ...pretendedEngine(), render: createRenderer(models, at.ffmpeg) }
  worker = await pushServer({ API_KEY: KEY }, { engines })
})
afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await files?.[Symbol.asyncDispose]()
  await models?.[Symbol.asyncDispose]()
})

/** Mean difference of luma in a box. */
function apart(one: Video, i: number, other: Video, k: number, [x1, y1, x2, y2]: Box): number {
  let [sum, count] = [0, 0]
  for (let y = Math.round(y1); y < y2; y += 2)
    for (let x = Math.round(x1); x < x2; x += 2, count++)
      sum += Math.abs(one.pixel(i, x, y)[0] - other.pixel(k, x, y)[0])
  return sum / count
}

const aboveMouth = (): Box => [0, 0, clip.width, face[1] + 0.4 * (face[3] - face[1])]
const mouth = (frame: number): Box => {
  const [left, y1, right, y2] = face
  const [x1, x2] = [left - PAN * frame, right - PAN * frame]
  return [x1 + 0.3 * (x2 - x1), y1 + 0.6 * (y2 - y1), x2 - 0.3 * (x2 - x1), y2 - 0.1 * (y2 - y1)]
}
const inShort = (values: number[]): string => values.map((value) => value.toFixed(1)).join(' ')
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Samples of a file, 4000 a second. */
async function heard(file: string, from: number, to: number): Promise<Float32Array> {
  const decode = ['-i', file, '-ac', '1', '-ar', '4000', '-f', 'f32le', 'pipe:1']
  const { stdout } = await run('-ss', String(from), '-t', String(to - from), ...decode)
  return new Float32Array(Uint8Array.from(stdout).buffer)
}

/** Seconds after which a sound is most like another one. */
function lateness(sound: Float32Array, part: Float32Array): number {
  const likeness = Array.from({ length: sound.length - part.length + 1 }, (_, lag) =>
    part.reduce((sum, value, i) => sum + value * sound[lag + i]!, 0),
  )
  return likeness.indexOf(Math.max(...likeness)) / 4000
}

/** What the encoder makes of a mouth that is the source's, mean of luma. */
const NOISE = 2.5
const inMode = (sync_mode: Sync.SyncMode) => ({ options: { sync_mode } })
const short = { startTime: 0, endTime: 0.6 }
interface Case {
  asked: Partial<Sync.CreateGenerationDto>
  frames: number
  shown: (i: number) => number
  speech?: string
  /** Frames in which she speaks; all where unset. */
  spoken?: readonly [number, number]
}
const CASES: Record<string, Case> = {
  bounce: {
    ...{ asked: inMode('bounce'), frames: 50 },
    shown: (i) => (i < FRAMES ? i : 2 * FRAMES - 1 - i),
  },
  loop: { asked: inMode('loop'), frames: 50, shown: (i) => i % FRAMES },
  cut_off: { asked: inMode('cut_off'), frames: FRAMES, shown: (i) => i },
  silence: {
    ...{ asked: inMode('silence'), frames: FRAMES, shown: (i) => i },
    ...{ speech: 'word.wav', spoken: [0, 15] },
  },
  remap: {
    ...{ asked: inMode('remap'), frames: 50 },
    shown: (i) => Math.floor((i * FRAMES) / 50),
  },
  segment: {
    asked: {
      segments: [{ startTime: 0.4, endTime: 1, audioInput: { refId: 'speech', ...short } }],
    },
    ...{ frames: FRAMES, shown: (i) => i, spoken: [10, 25] },
  },
}

/** Creates a generation, gets it until it has ended, and finds it in the list. */
type Sdk = (request: Sync.CreateGenerationDto) => Promise<Made>

const byNpm: Sdk = async (request) => {
  const { generations } = new SyncClient({ baseUrl: worker.url, apiKey: KEY })
  const { id } = await generations.create(request)
  let made = await generations.get(id)
  while (['PENDING', 'PROCESSING'].includes(made.status)) made = await generations.get(id)
  expect((await generations.list({ ids: [id] })).map((listed) => listed.id)).toEqual([id])
  return made
}

const byPython: Sdk = async (request) => {
  const { generations } = await generateByPython(python!, { url: worker.url, key: KEY }, [request])
  const [made] = generations
  expect(made).toMatchObject({ isListed: true })
  return made!
}

/** Has the SDK ask for it, waits for the webhook, too, and fetches it. */
async function generate(
  sdk: Sdk,
  asked: Partial<Sync.CreateGenerationDto>,
  { video = 'clip.mp4', speech = 'speech.wav' } = {},
) {
  const input: Sync.Input[] = [
    { type: 'video', url: files.url(video) },
    { type: 'audio', url: files.url(speech), refId: 'speech' },
  ]
  const made = await sdk({ model: 'lipsync-2', input, webhookUrl: files.url('hook'), ...asked })
  expect(made).toMatchObject({ status: 'COMPLETED' })
  await expect.poll(() => told.get(made.id)).toMatchObject({ status: 'COMPLETED' })
  const response = await fetch(made.outputUrl!, { headers: { 'x-api-key': KEY } })
  const file = at.media.file('made.mp4')
  await writeFile(file, await response.bytes())
  return { file, made, result: await readVideo(at.ffmpeg, file) }
}

/** The tests of one SDK. */
function runsBy(sdk: Sdk): void {
  test.each(Object.entries(CASES))('%s', async (name, { asked, frames, shown, speech, spoken }) => {
    const { file, made, result } = await generate(sdk, asked, { ...(speech && { speech }) })
    expect(made.outputDuration).toBe(frames / FPS)
    const nearest = numbers(result.frames).map((i) => {
      const off = numbers(FRAMES).map((k) => apart(result, i, clip, k, aboveMouth()))
      return off.indexOf(Math.min(...off))
    })
    expect(nearest).toEqual(numbers(frames).map(shown))
    const drawn = nearest.map((k, i) => apart(result, i, clip, k, mouth(k)))
    const message = `${name}: ${inShort(drawn)}`
    const [from, to] = spoken ?? [0, Infinity]
    for (const [i, off] of drawn.entries()) {
      if (i < from - 1 || i > to) expect(off, message).toBeLessThan(NOISE)
      if (i > from + 3 && i < to - 6) expect(off, message).toBeGreaterThan(2 * NOISE)
    }
    const word = await heard(at.media.file('word.wav'), 0, 0.6)
    expect(Math.abs(lateness(await heard(file, 0, 2), word) - from / FPS)).toBeLessThan(1 / FPS)
    const soundS = speech ? 0.6 : frames / FPS // the track ends with the word
    expect(Math.abs(result.audioS - soundS)).toBeLessThan(1.05 / FPS)
  })

  test.each(['left', 'right'] as const)('of two, the %s one whom a point names', async (side) => {
    const [x, y] = [(face[0] + face[2]) / 2, (face[1] + face[3]) / 2].map(Math.round)
    const coordinates: [number, number] = [side === 'left' ? x! : 2 * clip.width - x!, y!]
    const speaker = { frame_number: 0, coordinates }
    const asked = { options: { sync_mode: 'cut_off', active_speaker_detection: speaker } } as const
    const { result } = await generate(sdk, asked, { video: 'two.mp4' })
    const two = await readVideo(at.ffmpeg, at.media.file('two.mp4'))
    expect(result.frames).toBe(FRAMES)
    const mirrored = ([x1, y1, x2, y2]: Box): Box => [two.width - x2, y1, two.width - x1, y2]
    const [left, right] = [(box: Box) => box, mirrored].map((of) =>
      numbers(FRAMES).map((i) => apart(result, i, two, i, of(mouth(i)))),
    )
    const [speaks, listens] = side === 'left' ? [left!, right!] : [right!, left!]
    const message = `${inShort(speaks)} / ${inShort(listens)}`
    expect(Math.max(...listens), message).toBeLessThan(NOISE)
    expect(Math.min(...speaks.slice(4)), message).toBeGreaterThan(2 * NOISE)
  })
}

describe.skipIf(!isWanted)('@sync.so/sdk, a real clip (needs the reference material)', () => {
  runsBy(byNpm)
})
describe.skipIf(!isWanted || !python)('syncsdk, the same (needs its package, too)', () => {
  runsBy(byPython)
})
