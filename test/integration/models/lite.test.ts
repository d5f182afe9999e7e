import { createHash } from 'node:crypto'
import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handle } from '../../../handler/handle.ts'
import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import { openBundle, type Bundle } from '../../../models/inference/bundle.ts'
import type { Manifest } from '../../../models/inference/manifest.ts'
import type { Tensors } from '../../../models/inference/tensor.ts'
import { selfTest } from '../../../models/inference/self-test.ts'
import { LITE } from '../../../runtime/config/bundle-directory.ts'
import { testDeps } from '../../helpers/jobs/deps.ts'
import {
  ffmpeg as run,
  folder,
  readVideo,
  testFfmpeg,
  type Folder,
} from '../../helpers/media/media.ts'
import { hasShared, shared } from '../../helpers/fixture-paths.ts'
import { shortlist } from '../../helpers/shortlist.ts'

const demo = (name: string) => fileURLToPath(new URL(`../../../demo/${name}`, import.meta.url))
const OPTIONS = { device: 'cpu', threads: 1, lanes: 1 } as const

let ffmpeg: Ffmpeg
let media: Folder
let lite: Bundle
beforeAll(async () => {
  ffmpeg = await testFfmpeg()
  media = await folder()
  lite = await openBundle(LITE, OPTIONS)
})
afterAll(async () => {
  await (lite as Bundle | undefined)?.[Symbol.asyncDispose]()
  await media[Symbol.asyncDispose]()
})

/** The first seconds of a file, without encoding it again. */
async function start(file: string, seconds: number, name: string): Promise<string> {
  const out = media.file(name)
  await run(ffmpeg.path, ['-v', 'error', '-i', file, '-t', `${seconds}`, out])
  return out
}

async function render(job: Record<string, unknown>) {
  const deps = await testDeps(media, ffmpeg, lite)
  const result = await handle(job, deps)
  expect(await deps.left()).toEqual([])
  return { result, out: await readVideo(ffmpeg, result.output_url) }
}

/** Mean absolute difference of luma between two frames inside a box. */
function moved(
  { data, width, height }: { data: Buffer; width: number; height: number },
  [one, other]: [number, number],
  [x1, y1, x2, y2]: [number, number, number, number],
): number {
  const size = (width * height * 3) / 2
  let sum = 0
  for (let y = y1; y < y2; y++) {
    for (let x = x1; x < x2; x++) {
      sum += Math.abs(data[one * size + y * width + x]! - data[other * size + y * width + x]!)
    }
  }
  return sum / ((x2 - x1) * (y2 - y1))
}

describe('the embedded bundle', () => {
  test('computes what it computed when it was made', () => selfTest(lite))

  test('makes the embedded portrait speak: only its mouth moves', async () => {
    const audio = await start(demo('speech.wav'), 1, 'speech.wav')
    const { result, out } = await render({ video: demo('portrait.png'), audio })
    expect(result).toMatchObject({ frames: 25, fps: 25, frames_without_face: 0 })
    expect(result.bundle).toMatchObject({ name: 'lite', id: lite.id })
    expect(out).toMatchObject({ frames: 25, width: 512, height: 512, hasAudio: true })
    const pairs = Array.from({ length: 24 }, (_, i): [number, number] => [i, i + 1])
    const most = (box: [number, number, number, number]) =>
      Math.max(...pairs.map((pair) => moved(out, pair, box)))
    expect(most([200, 160, 250, 185])).toBeGreaterThan(2) // about the lips
    expect(most([0, 0, 512, 60])).toBeLessThan(1)
    expect(most([300, 300, 512, 512])).toBeLessThan(1)
  })

  test('keeps the lips still in silence', async () => {
    const audio = media.file('silence.wav')
    await run(ffmpeg.path, ['-f', 'lavfi', '-i', 'anullsrc=r=16000:cl=mono:d=0.6', audio])
    const { out } = await render({ video: demo('portrait.png'), audio })
    for (let i = 3; i < 12; i++) {
      expect(moved(out, [i, i + 1], [180, 140, 270, 200])).toBeLessThan(1)
    }
  })

  test('finds nobody where nobody is', async () => {
    const video = media.file('nobody.mp4')
    const source = ['-f', 'lavfi', '-i', 'testsrc2=s=320x240:d=0.12', '-pix_fmt', 'yuv420p']
    await run(ffmpeg.path, [...source, video])
    const audio = await start(demo('speech.wav'), 1, 'short.wav')
    await expect(render({ video, audio })).rejects.toMatchObject({ code: 'NO_FACE' })
  })
})

describe('landmarks of no face', () => {
  const SEED = 7
  const landmarks: [string, (i: number, random: () => number) => number][] = [
    ['in one point', () => 128],
    ['all over the crop', (_, random) => 256 * random()],
    ['far outside', (_, random) => 9000 * (random() - 0.5)],
    ['on a line', (i) => i],
  ]
  test.each(landmarks)('%s are drawn without a complaint', async (_, at) => {
    const random = mulberry32(SEED)
    const points = Float32Array.from({ length: 2 * 136 }, (_value, i) => at(i, random))
    const crop = Uint8Array.from({ length: 2 * 256 * 256 * 3 }, () => 256 * random())
    const encoded = await lite.run('encode', {
      crop: { type: 'uint8', dims: [2, 256, 256, 3], data: crop },
      landmarks: { type: 'float32', dims: [2, 68, 2], data: points },
    })
    const clip = await lite.run('clip', pick(encoded, ['shape', 'inside']))
    const prompt = Float32Array.from({ length: 2 * 80 }, () => 2 * random() - 1)
    const { face } = await lite.run('generate', {
      ...{ ...pick(encoded, ['pixels', 'shape']), ...clip },
      prompt: { type: 'float32', dims: [2, 10, 8], data: prompt },
    })
    expect(face!.dims).toEqual([2, 256, 256, 3])
    expect(encoded.shape!.data.every(Number.isFinite)).toBe(true)
  })
})

const pick = (tensors: Tensors, names: string[]): Tensors =>
  Object.fromEntries(names.map((name) => [name, tensors[name]!]))

/** Pseudo-random numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('a bundle that is not whole says which file and why', () => {
  async function broken(change: (folder: string, manifest: Manifest) => Promise<void>) {
    const copy = media.file('bundle')
    await cp(LITE, copy, { recursive: true })
    const file = join(copy, 'manifest.json')
    await change(copy, JSON.parse(await readFile(file, 'utf8')) as Manifest)
    try {
      const bundle = await openBundle(copy, OPTIONS)
      await bundle[Symbol.asyncDispose]()
      return { kind: 'none', message: 'it opened' }
    } catch (error) {
      return error as { kind: string; message: string }
    } finally {
      await rm(copy, { recursive: true })
    }
  }
  test('a graph that is missing', async () => {
    const error = await broken((copy, { graphs }) => rm(join(copy, graphs.encode.file)))
    expect(error.kind).toBe('bundle')
    expect(error.message).toMatch(/encode\.onnx is missing/)
  })
  test('a graph that is cut off', async () => {
    const error = await broken(async (copy, { graphs }) => {
      const file = join(copy, graphs.face!.file)
      await writeFile(file, (await readFile(file)).subarray(0, -100))
    })
    expect(error.message).toMatch(/face\.onnx has \d+ bytes; the manifest says \d+/)
  })
  test('a graph with one wrong byte', async () => {
    const error = await broken(async (copy, { graphs }) => {
      const file = join(copy, graphs.clip!.file)
      const bytes = await readFile(file)
      bytes[1000]! ^= 1
      await writeFile(file, bytes)
    })
    expect(error.message).toMatch(/clip\.onnx is damaged/)
  })
  test('a manifest that is missing', async () => {
    const error = await broken((copy) => rm(join(copy, 'manifest.json')))
    expect(error).toMatchObject({ kind: 'bundle' })
    expect(error.message).toContain('manifest.json')
  })
  test('a manifest that lacks a field, by its name', async () => {
    const error = await broken(async (copy, { states: _, ...manifest }) => {
      await writeFile(join(copy, 'manifest.json'), JSON.stringify(manifest))
    })
    expect(error.message).toContain('states')
  })
  test('a graph named by a path', async () => {
    const error = await broken(async (copy, manifest) => {
      manifest.graphs.face!.file = '../face.onnx'
      await writeFile(join(copy, 'manifest.json'), JSON.stringify(manifest))
    })
    expect(error.message).toContain('must be a plain file name')
  })
  test('a graph that is no ONNX although its checksum fits', async () => {
    const error = await broken(async (copy, manifest) => {
      const bytes = Buffer.from('this is no graph')
      await writeFile(join(copy, manifest.graphs.face!.file), bytes)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      Object.assign(manifest.graphs.face!, { bytes: bytes.length, sha256 })
      await writeFile(join(copy, 'manifest.json'), JSON.stringify(manifest))
    })
    expect(error.kind).toBe('bundle')
    expect(error.message).toContain('cannot load')
  })
})

const CLIPS = ['sun', 'yongen']
test.skipIf(!hasShared).each(shortlist(0, CLIPS))(
  'the real clip %s (needs SHARED_DIR) speaks for a second',
  async (name) => {
    const audio = await start(shared(`media/${name}.wav`), 1, `${name}.wav`)
    const { result, out } = await render({ video: shared(`media/${name}.mp4`), audio })
    expect(result).toMatchObject({ frames: Math.floor(result.fps), frames_without_face: 0 })
    expect(out.frames).toBe(result.frames)
    expect(Math.abs(out.audioS - out.frames / result.fps)).toBeLessThan(1 / result.fps + 0.03)
    expect((await stat(result.output_url)).size).toBe(result.bytes)
  },
)
