import { expect, test } from 'vitest'
import { decode, fingerprint } from '../../../../handler/render/media/decode-video.ts'
import { probe } from '../../../../handler/render/media/probe.ts'
import { folder, makeSound, makeVideo, testFfmpeg } from '../../../helpers/media/media.ts'
import { renderTools } from '../../../helpers/render-tools.ts'

const LIMITS = { maxVideoS: 60, maxAudioS: 60, maxPixels: 1 << 20 }
const READING = { samples: 'yuv', allowOddSize: false, referenceMode: false } as const

test('a jump of 25 hours holds the picture before it, and makes no more pictures than are wanted', async () => {
  await using temporary = await folder()
  const signal = AbortSignal.timeout(300_000)
  const ffmpeg = await testFfmpeg()
  const video = await makeVideo(ffmpeg, temporary.file('jump.mkv'), {
    ...{ frames: 15, filter: "setpts='PTS+gte(N,5)*90000/TB'" },
    encode: [
      '-fps_mode',
      'passthrough',
      '-c:v',
      'libx264',
      '-pix_fmt',
      'yuv420p',
      '-f',
      'matroska',
      '-live',
      '1',
    ],
  })
  const audio = await makeSound(ffmpeg, temporary.file('a.wav'), 1)
  const { video: facts } = await probe({ video, audio: [audio] }, READING, LIMITS, ffmpeg, signal)
  const ctx = { ffmpeg, limits: LIMITS, signal, ...renderTools() }
  const rate = { num: 120, den: 1 } // eleven million pictures: more than the child's memory
  const seen: number[] = []
  const source = { file: video, facts: { ...facts, rate } }
  for await (const frame of decode(source, { first: 0, count: 60 }, ctx)) {
    seen.push(fingerprint(frame))
    ctx.buffers.give(frame)
  }
  expect(seen).toHaveLength(60)
  expect(new Set(seen).size).toBe(5)
  expect(new Set(seen.slice(25))).toEqual(new Set([seen[25]]))
})
