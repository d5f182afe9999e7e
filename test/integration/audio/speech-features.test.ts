import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { renderTools } from '../../helpers/render-tools.ts'
import type { RenderContext } from '../../../handler/render/render-context.ts'
import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import { parseFps } from '../../../handler/render/media/frame-rate.ts'
import { playerDownmixFilter } from '../../../handler/render/audio/resample-filter.ts'
import { audioChunks } from '../../../handler/render/audio/decode-audio.ts'
import { extractSpeechFeatures } from '../../../handler/render/audio/speech-features.ts'
import type { Models } from '../../../models/inference/models.ts'
import { LIMITS } from '../../helpers/jobs/deps.ts'
import { ffmpeg as run, folder, makeSound, testFfmpeg } from '../../helpers/media/media.ts'
import { MANIFEST } from '../../helpers/models/fake-models.ts'
import { golden } from '../../helpers/fixture-paths.ts'
import { silentLog } from '../../../handler/log.ts'
import { shortlist } from '../../helpers/shortlist.ts'

let ffmpeg: Ffmpeg
beforeAll(async () => {
  ffmpeg = await testFfmpeg()
})

const FACTS = { stream: 0, clock: 'anull', floats: false, channels: 1, sampleRate: 16_000 }

/** As large as whisper-tiny's; the state of a token is `1 + 5 token + layer + channel / 1024`. */
function countingModels(): Models {
  let token = 0
  return {
    manifest: { ...MANIFEST, listen: { layers: 5, dim: 384, overlapS: 1 } },
    id: '',
    graphs: {},
    async run() {
      const data = new Float32Array(1500 * 5 * 384)
      for (let row = 0, at = 0; row < 1500 * 5; row++) {
        for (let channel = 0; channel < 384; channel++, at++) {
          data[at] = 1 + 5 * token + row + channel / 1024
        }
      }
      token += 1500
      return { states: { type: 'float32', dims: [1500, 5, 384], data } }
    },
  }
}

const contextOf = (dir: string, models = countingModels()): RenderContext => ({
  ...{ models, ffmpeg, limits: LIMITS, dir, signal: AbortSignal.timeout(300_000), log: silentLog },
  ...{ ...renderTools(), stage: (_, step) => step(), stageEnded() {} },
})

describe("prompts of MuseTalk's own rule equal the reference's, byte for byte", () => {
  test.each(shortlist(1, ['eng-31s', 'sun-6s', 'eng-12s', 'yongen']))('%s', async (name) => {
    const file = JSON.parse(readFileSync(golden(`audio/${name}.json`), 'utf8')) as {
      samples_16k: number
      prompts: Record<string, { T: number; fake_states_sha256?: string }>
    }
    await using place = await folder()
    const source = `anullsrc=r=16000:cl=mono,atrim=end_sample=${file.samples_16k}`
    const sound = await makeSound(ffmpeg, place.file('a.wav'), 0, [], source)
    const made = Object.entries(file.prompts).filter(([, { fake_states_sha256: sum }]) => sum)
    expect(made.length).toBeGreaterThan(0)
    for (const [fps, { T, fake_states_sha256 }] of shortlist(1, made)) {
      const ctx = contextOf(place.path)
      await using speech = await extractSpeechFeatures(
        { file: sound, facts: FACTS },
        parseFps(Number(fps)),
        'reference',
        ctx,
      )
      expect(speech).toMatchObject({ samples: file.samples_16k, frames: T })
      const { dims, data } = await speech.prompts(Array.from({ length: T }, (_, i) => i))
      expect(dims).toEqual([T, 50, 384])
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(fake_states_sha256)
    }
  })
  test('a rate that it cannot serve is the fault of the job', async () => {
    await using place = await folder()
    const sound = await makeSound(ffmpeg, place.file('a.wav'), 1)
    const heard = extractSpeechFeatures(
      { file: sound, facts: FACTS },
      parseFps(50),
      'reference',
      contextOf(place.path),
    )
    await expect(heard).rejects.toMatchObject({ code: 'INVALID_JOB' })
  })
})

describe('a recording as 16 kHz mono', () => {
  const decode = async (file: string) => {
    const recording = playerDownmixFilter({ file, facts: FACTS }, ffmpeg)
    const parts = await Array.fromAsync(audioChunks(recording, 1, contextOf('')))
    return { parts, pcm: joined(parts.map(({ pcm, newSamples }) => pcm.slice(...newSamples))) }
  }
  // A million samples: an array of numbers, compared one by one, takes seconds.
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    Buffer.from(buffer, byteOffset, byteLength)
  const joined = (some: Float32Array[]) =>
    new Float32Array(Uint8Array.from(Buffer.concat(some.map(bytesOf))).buffer)
  const rms = (pcm: Float32Array) => Math.sqrt(pcm.reduce((sum, v) => sum + v * v, 0) / pcm.length)

  test('stereo is the mean of both, not louder', async () => {
    await using place = await folder()
    const both = "aevalsrc='0.4*sin(2000*t)|0.4*sin(2000*t)':d=1:s=48000"
    const { pcm } = await decode(await makeSound(ffmpeg, place.file('a.wav'), 1, [], both))
    expect(pcm).toHaveLength(16_000)
    expect(rms(pcm)).toBeCloseTo(0.4 / Math.SQRT2, 3)
    const one = "aevalsrc='0.8*sin(2000*t)|0':d=1:s=48000"
    const half = await decode(await makeSound(ffmpeg, place.file('b.wav'), 1, [], one))
    expect(rms(half.pcm)).toBeCloseTo(0.4 / Math.SQRT2, 3)
  })
  test.each([8000, 44_100, 48_000, 192_000])('from %i Hz keeps length and level', async (rate) => {
    await using place = await folder()
    const tone = `aevalsrc='0.4*sin(2000*t)':d=2:s=${rate}`
    const { pcm } = await decode(await makeSound(ffmpeg, place.file('a.wav'), 2, [], tone))
    expect(Math.abs(pcm.length - 32_000)).toBeLessThanOrEqual(1)
    expect(rms(pcm.subarray(800, -800))).toBeCloseTo(0.4 / Math.SQRT2, 3)
  })
  test('pieces of thirty seconds share two, and each sample is kept once', async () => {
    await using place = await folder()
    const raw = place.file('ramp.f32')
    const ramp = Float32Array.from({ length: 70 * 16_000 }, (_, i) => i / 2e6)
    await writeFile(raw, new Uint8Array(ramp.buffer))
    const wav = place.file('ramp.wav')
    const input = ['-f', 'f32le', '-ar', '16000', '-ac', '1', '-i', raw]
    await run(ffmpeg.path, [...input, '-c:a', 'pcm_f32le', wav])
    const { parts, pcm } = await decode(wav)
    expect(bytesOf(pcm).equals(bytesOf(ramp))).toBe(true)
    expect(parts).toHaveLength(3)
    const kept = joined(parts.map(({ pcm, validSamples }) => pcm.slice(...validSamples)))
    expect(bytesOf(kept).equals(bytesOf(ramp))).toBe(true)
    expect(parts[1]!.pcm[0]).toBe(ramp[28 * 16_000])
  })
})
