import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { probe } from '../../../handler/render/media/probe.ts'
import { librosaFilter } from '../../../handler/render/audio/resample-filter.ts'
import { audioChunks } from '../../../handler/render/audio/decode-audio.ts'
import { LIMITS } from '../../helpers/jobs/deps.ts'
import { folder, makeVideo, testFfmpeg } from '../../helpers/media/media.ts'
import { noise } from '../../helpers/media/test-pattern.ts'
import { wav } from '../../helpers/media/wav.ts'
import { shortlist } from '../../helpers/shortlist.ts'

const ffmpeg = await testFfmpeg()
const READING = { samples: 'rgb', allowOddSize: true, referenceMode: true } as const

/** A WAV file of noise as the reference's rule hears it. */
async function heard(rate: number, channels: number, samples: number): Promise<Float32Array> {
  await using place = await folder()
  const file = place.file('noise.wav')
  await writeFile(file, wav(noise(samples * channels * 2, 1, 1, samples).data, rate, channels))
  const video = await makeVideo(ffmpeg, place.file('a.mp4'), { frames: 1 })
  const signal = AbortSignal.timeout(300_000)
  const facts = await probe({ video, audio: [file] }, READING, LIMITS, ffmpeg, signal)
  const recording = librosaFilter({ file, facts: facts.audio[0]! }, ffmpeg)
  const parts = await Array.fromAsync(audioChunks(recording, 0, { ffmpeg, limits: LIMITS, signal }))
  return Float32Array.from(parts.flatMap(({ pcm, newSamples }) => [...pcm.subarray(...newSamples)]))
}

/** Rate, channels, samples; what librosa 0.11.0 with soxr 1.1.0 makes of them. */
const CASES: [number, number, number, number, string][] = [
  [44_100, 1, 61_076, 22_160, 'fc49192a69eeb2bd'],
  [44_100, 2, 44_101, 16_001, 'f61d4f1d1418ff27'],
  [48_000, 2, 48_001, 16_001, '7b39984d377917a4'],
  [22_050, 1, 22_049, 16_000, '4a398ef84ca58668'],
  [8_000, 1, 8_001, 16_002, '4ecb5b0b63474690'],
  [96_000, 2, 96_001, 16_001, 'bcdc24fd69209ee8'],
  [16_000, 1, 16_001, 16_001, '7460af11175ede37'],
  [48_000, 1, 47_999, 16_000, 'b4df7ff0c964b96a'],
  [16_000, 2, 12_345, 12_345, '88bb0a723c96de14'],
]

describe.skipIf(!ffmpeg.soxr)('sound by the rule of the reference (needs ffmpeg with soxr)', () => {
  test.each(shortlist(5, CASES))(
    '%i Hz, %i channels, %i samples: every bit is librosa’s',
    async (...given) => {
      const [rate, channels, samples, length, sum] = given
      const pcm = await heard(rate, channels, samples)
      expect(pcm).toHaveLength(length)
      const bytes = new Uint8Array(pcm.buffer)
      expect(createHash('sha256').update(bytes).digest('hex').slice(0, 16)).toBe(sum)
    },
  )
  test('six channels are their plain mean', async () => {
    const pcm = await heard(44_100, 6, 22_051)
    expect(pcm).toHaveLength(8001)
    const librosa = [-0.01058419, -0.07435568, -0.16980544]
    for (const [i, value] of librosa.entries()) expect(pcm[100 + i]).toBeCloseTo(value, 6)
  })
})

describe('an ffmpeg without soxr', () => {
  const bare = { ...ffmpeg, soxr: false }
  const facts = { stream: 0, clock: 'anull', floats: false, channels: 1, sampleRate: 44_100 }
  test('is refused where the rule of the reference must resample', () => {
    expect(() => librosaFilter({ file: 'a.wav', facts }, bare)).toThrow('needs an ffmpeg with soxr')
  })
  test('serves sound that has 16 kHz', () => {
    const plain = { file: 'a.wav', facts: { ...facts, sampleRate: 16_000 } }
    expect(librosaFilter(plain, bare).filter).toBe('aformat=sample_fmts=flt')
  })
})
