import { describe, expect, test } from 'vitest'
import { H264, makeSound, makeVideo } from '../helpers/media/media.ts'
import { scenario } from '../helpers/jobs/scenario.ts'

const at = await scenario()
const RATES = {
  12: '12',
  23.976: '24000/1001',
  25: '25',
  29.97: '30000/1001',
  50: '50',
  59.94: '60000/1001',
}
const LENGTHS = ['audio', 'video', 'shortest', 'longest', 'loop', 'remap']
const TRIMS = [undefined, { from: 0.5 }, { from: 0.25, to: 1.75 }, { to: 1.5 }]

const isWanted = process.env['PARTS_TEST'] === '1'

describe.skipIf(!isWanted).each(Object.entries(RATES))('%s frames per second', (name, rate) => {
  const file = at.media.file(`${name}.mp4`)
  test.each(LENGTHS.flatMap((length) => TRIMS.map((trim) => ({ length, trim }))))(
    'picture and sound end together: %j',
    async ({ length, trim }) => {
      await makeVideo(at.ffmpeg, file, {
        fps: rate,
        frames: Math.round(2 * Number(name)),
        encode: H264,
      })
      const audio = await makeSound(at.ffmpeg, at.media.file('tone.wav'), 1.6)
      const { result, video } = await at.run({ video: file, audio, length, ...(trim && { trim }) })
      const frame = 1 / result.fps
      const source = Math.min(trim?.to ?? 2, 2) - (trim?.from ?? 0)
      const expected = {
        ...{ audio: 1.6, loop: 1.6, remap: 1.6, video: source },
        ...{ shortest: Math.min(source, 1.6), longest: Math.max(source, 1.6) },
      }[length]!
      expect(Math.abs(result.duration_sec - expected)).toBeLessThan(1.5 * frame)
      const heard = Math.min(result.duration_sec, 1.6)
      expect(Math.abs(video.audioS - heard)).toBeLessThan(frame + 1024 / 48_000)
      video.times.forEach((time, i) => expect(Math.abs(time - i * frame)).toBeLessThan(0.002))
    },
  )
})
