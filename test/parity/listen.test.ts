import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderTools } from '../helpers/render-tools.ts'
import type { RenderContext } from '../../handler/render/render-context.ts'
import type { Ffmpeg } from '../../handler/render/media/ffmpeg.ts'
import { parseFps } from '../../handler/render/media/frame-rate.ts'
import { librosaFilter, type AudioInput } from '../../handler/render/audio/resample-filter.ts'
import { audioChunks } from '../../handler/render/audio/decode-audio.ts'
import { extractSpeechFeatures } from '../../handler/render/audio/speech-features.ts'
import type { Bundle } from '../../models/inference/bundle.ts'
import { LIMITS } from '../helpers/jobs/deps.ts'
import { difference, measured } from '../helpers/media/fidelity-metrics.ts'
import { folder, testFfmpeg, type Folder } from '../helpers/media/media.ts'
import { readNpy } from '../helpers/media/npy.ts'
import { canCompare, json, NEEDS, openParity } from '../helpers/models/parity.ts'
import { golden, hasShared, shared } from '../helpers/fixture-paths.ts'
import { wav } from '../helpers/media/wav.ts'
import { silentLog } from '../../handler/log.ts'

interface Values {
  shape: number[]
  index: number[]
  value: number[]
}
interface Case {
  source: string
  source_samples: number
  samples_16k: number
  pcm: { sha256_float32: string }
  states: Values
  prompts: Record<string, Values & { T: number }>
}
const readCase = (name: string): Case =>
  JSON.parse(readFileSync(golden(`audio/${name}.json`), 'utf8')) as Case

/** The first samples of a 16-bit WAV file of the reference's media, as a file of its own. */
async function cutWav(place: Folder, { source, source_samples }: Case): Promise<AudioInput> {
  const bytes = readFileSync(shared(source))
  const [channels, rate] = [bytes.readUInt16LE(22), bytes.readUInt32LE(24)]
  const start = bytes.indexOf('data') + 8
  const pcm = bytes.subarray(start, start + source_samples * channels * 2)
  const file = place.file('cut.wav')
  await writeFile(file, wav(pcm, rate, channels))
  const facts = {
    stream: 0,
    clock: 'anull',
    floats: false,
    channels,
    sampleRate: rate,
    samples: source_samples,
  }
  return { file, facts }
}

const contextOf = (dir: string, ffmpeg: Ffmpeg, models: Bundle): RenderContext => ({
  ...{ models, ffmpeg, limits: LIMITS, dir, signal: AbortSignal.timeout(300_000), log: silentLog },
  ...{ ...renderTools(), stage: (_, step) => step(), stageEnded() {} },
})

/** Largest difference in units of the value, or of one where it is smaller. */
const ofUnitScale = (found: ArrayLike<number>, wanted: ArrayLike<number>): number => {
  const scale = Array.from(wanted, (value) => Math.max(1, Math.abs(value)))
  const over = (values: ArrayLike<number>) => Array.from(values, (value, i) => value / scale[i]!)
  return difference(over(found), over(wanted)).max
}

const CASES = ['eng-12s', 'eng-31s', 'sun-6s', 'yongen']

describe.skipIf(!hasShared)('sound (needs SHARED_DIR)', () => {
  test.each(CASES)('%s is librosa’s to the bit', async (name) => {
    const expected = readCase(name)
    await using place = await folder()
    const ffmpeg = await testFfmpeg()
    const sound = librosaFilter(await cutWav(place, expected), ffmpeg)
    const signal = AbortSignal.timeout(300_000)
    const parts = await Array.fromAsync(audioChunks(sound, 0, { ffmpeg, limits: LIMITS, signal }))
    const pcm = Float32Array.from(
      parts.flatMap(({ pcm, newSamples }) => [...pcm.subarray(...newSamples)]),
    )
    expect(pcm).toHaveLength(expected.samples_16k)
    const sum = createHash('sha256').update(new Uint8Array(pcm.buffer)).digest('hex')
    expect(sum).toBe(expected.pcm.sha256_float32)
  })
})

describe.skipIf(!canCompare)(`speech states ${NEEDS}`, () => {
  let bundle: Bundle
  let ffmpeg: Ffmpeg
  beforeAll(async () => {
    ;[bundle, ffmpeg] = await Promise.all([openParity(), testFfmpeg()])
  })
  afterAll(() => bundle?.[Symbol.asyncDispose]())

  async function states(pcm: Float32Array): Promise<Float32Array> {
    const padded = new Float32Array(480_000)
    padded.set(pcm)
    const feed = { type: 'float32', dims: [480_000], data: padded } as const
    return (await bundle.run('listen', { pcm: feed })).states!.data as Float32Array
  }
  const at = ({ index }: Values, data: Float32Array) => index.map((i) => data[i]!)
  // From samples: 1e-5 for the log-mel that is inside the graph, 2e-5 for the states.
  const UNIT = 'max, of max(1, value)'
  const row = (what: string, found: number) =>
    measured({ check: '3, 4', what, figure: UNIT, found, limit: 3e-5, golden: 5.7e-6 })

  test('of the reference’s samples equal its own, layer by layer', async () => {
    const reference = readNpy(golden('audio/yongen.states-0-99.npy')).data
    const heard = await states(readNpy(shared('golden/audio/yongen.pcm16k.npy')).data)
    const found = heard.subarray(0, reference.length)
    const layer = (data: Float32Array, k: number) =>
      data.filter((_, i) => Math.floor(i / 384) % 5 === k)
    for (let k = 0; k < 5; k++) {
      const max = ofUnitScale(layer(found, k), layer(reference, k))
      row(`states 0-99 of yongen, layer ${k}`, max)
    }
    const what = 'states of yongen, two layers exchanged'
    const exchanged = difference(layer(found, 1), layer(reference, 2)).max
    const figure = { figure: 'max', found: exchanged, limit: 2e-5, control: true as const }
    measured({ check: '4', what, ...figure })
    const { states: values } = readCase('yongen')
    row('states of yongen, a sample of all', ofUnitScale(at(values, heard), values.value))
  })

  test.each(CASES)('become the prompts of %s at every rate', async (name) => {
    const expected = readCase(name)
    await using place = await folder()
    const sound = await cutWav(place, expected)
    let worst = 0
    for (const [fps, values] of Object.entries(expected.prompts)) {
      const ctx = contextOf(place.path, ffmpeg, bundle)
      await using speech = await extractSpeechFeatures(
        sound,
        parseFps(Number(fps)),
        'reference',
        ctx,
      )
      expect(speech).toMatchObject({ samples: expected.samples_16k, frames: values.T })
      const { data } = await speech.prompts(Array.from({ length: values.T }, (_, i) => i))
      worst = Math.max(worst, ofUnitScale(at(values, data as Float32Array), values.value))
      if (fps !== '25') continue
      const late = await speech.prompts(Array.from({ length: values.T }, (_, i) => i + 1))
      const found = difference(at(values, late.data as Float32Array), values.value).max
      const mistake = { what: `prompts of ${name}, one frame late`, control: true as const }
      measured({ check: '5', ...mistake, figure: 'max', found, limit: 2e-5 })
    }
    const rates = Object.keys(expected.prompts).length
    const what = `prompts of ${name} at ${rates} rates, from the file`
    measured({ check: '2-5', what, figure: UNIT, found: worst, limit: 3e-5, golden: 5.7e-6 })
  })

  test('become the prompts of the golden clip', async () => {
    const { prompt_values: values, T } = json('golden/clip/clip.json') as {
      prompt_values: Values
      T: number
    }
    await using place = await folder()
    const facts = {
      stream: 0,
      clock: 'anull',
      floats: false,
      channels: 1,
      sampleRate: 44_100,
      samples: 132_300,
    }
    const sound = { file: shared('golden/clip/audio.wav'), facts }
    const ctx = contextOf(place.path, ffmpeg, bundle)
    await using speech = await extractSpeechFeatures(sound, parseFps(25), 'reference', ctx)
    expect(speech.frames).toBe(T)
    const all = await speech.prompts(Array.from({ length: T }, (_, i) => i))
    const few = ofUnitScale(at(values, all.data as Float32Array), values.value)
    const what = 'prompts of the clip, from the file'
    measured({ check: '2-5', what, figure: UNIT, found: few, limit: 3e-5, golden: 5.7e-6 })
    const kept = await speech.prompts(json('golden/clip/clip.json').keep)
    const reference = readNpy(shared('golden/clip/unet-prompts.npy')).data
    const max = ofUnitScale(kept.data, reference)
    const whole = { what: 'eight prompts of the clip, every value', figure: UNIT, found: max }
    measured({ check: '2-5', ...whole, limit: 3e-5, golden: 5.7e-6 })
  })
})
