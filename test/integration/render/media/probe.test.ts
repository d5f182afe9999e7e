import { describe, expect, test } from 'vitest'
import { probe } from '../../../../handler/render/media/probe.ts'
import { LIMITS } from '../../../helpers/jobs/deps.ts'
import {
  CROP,
  drawnCodes,
  ffmpeg as run,
  H264,
  makeSound,
  makeVideo,
} from '../../../helpers/media/media.ts'
import { shownCodes } from '../../../helpers/media/media.ts'
import { shortlist } from '../../../helpers/shortlist.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'

const PLAIN = { samples: 'yuv', allowOddSize: false, referenceMode: false } as const

const at = await scenario()
const { probe: _, ...bare } = at.ffmpeg

const made: Record<string, () => Promise<string>> = {
  mp4: () => makeVideo(at.ffmpeg, at.media.file('a.mp4')),
  'transport stream': () =>
    makeVideo(at.ffmpeg, at.media.file('a.ts'), { encode: [...H264, '-f', 'mpegts'] }),
  'full range': () =>
    makeVideo(at.ffmpeg, at.media.file('full.mp4'), {
      filter: 'scale=out_range=full',
      encode: ['-c:v', 'libx264', '-pix_fmt', 'yuvj420p'],
    }),
  'aspect 1:2': () => makeVideo(at.ffmpeg, at.media.file('sar.mp4'), { filter: 'setsar=1/2' }),
  'with sound': async () => {
    const file = at.media.file('both.mp4')
    const picture = await makeVideo(at.ffmpeg, at.media.file('a.mp4'))
    await run(at.ffmpeg.path, ['-i', picture, '-i', at.voice, '-c:v', 'copy', file])
    return file
  },
  png: () =>
    makeVideo(at.ffmpeg, at.media.file('a.png'), { frames: 1, encode: ['-frames:v', '1'] }),
  mkv: () => makeVideo(at.ffmpeg, at.media.file('a.mkv'), { fps: '24' }),
  gif: () => makeVideo(at.ffmpeg, at.media.file('a.gif'), { fps: '10', encode: [] }),
  'mp4 at 29.97': () => makeVideo(at.ffmpeg, at.media.file('ntsc.mp4'), { fps: '30000/1001' }),
  jpeg: () =>
    makeVideo(at.ffmpeg, at.media.file('a.jpg'), { frames: 1, encode: ['-frames:v', '1'] }),
}

describe('without ffprobe', () => {
  test.each(shortlist(4, Object.keys(made)))('the same is known of a video: %s', async (kind) => {
    const files = { video: await made[kind]!(), audio: [at.voice] }
    const signal = AbortSignal.timeout(300_000)
    const [whole, text] = await Promise.all(
      [at.ffmpeg, bare].map((ffmpeg) => probe(files, PLAIN, LIMITS, ffmpeg, signal)),
    )
    expect(rounded(text!)).toEqual(rounded(whole!))
    const { statedS = whole!.video.statedS } = text!.video
    if (statedS !== undefined) expect(statedS).toBeCloseTo(whole!.video.statedS!, 1)
  })
  test('the same is known of a recording', async () => {
    const video = await makeVideo(at.ffmpeg, at.media.file('a.mp4'))
    for (const name of shortlist(2, ['a.m4a', 'a.mp3', 'a.wav', 'a.flac'])) {
      const audio = await makeSound(at.ffmpeg, at.media.file(name), 1, ['-ac', '2'])
      const signal = AbortSignal.timeout(300_000)
      const [whole, text] = await Promise.all(
        [at.ffmpeg, bare].map((ffmpeg) =>
          probe({ video, audio: [audio] }, PLAIN, LIMITS, ffmpeg, signal),
        ),
      )
      expect(text!.audio[0]!.channels).toBe(whole!.audio[0]!.channels)
      expect(text!.audio[0]!.floats).toBe(whole!.audio[0]!.floats)
      expect(Math.abs(text!.audio[0]!.durationS! - whole!.audio[0]!.durationS!)).toBeLessThan(0.2)
    }
  })
  test('a whole job runs, to and fro', async () => {
    const video = await makeVideo(at.ffmpeg, at.media.file('short.mp4'), { frames: 20 })
    const audio = await makeSound(at.ffmpeg, at.media.file('long.wav'), 1.2)
    const { video: out } = await at.run({ video, audio }, { ffmpeg: bare })
    const there = Array.from({ length: 20 }, (_, i) => i)
    const order = [...there, ...there.toReversed()].slice(0, 30)
    expect(shownCodes(out)).toEqual(order)
    expect(drawnCodes(out, CROP)).toEqual(order)
  })
  test('what is no media is refused alike', async () => {
    const { error } = await at.fail({ video: at.voice }, { ffmpeg: bare })
    expect(error.code).toBe('MEDIA_UNREADABLE')
  })
})

/** ffmpeg's text has two digits of a duration, one start for the whole file, and no lengths of its streams. */
function rounded({ video }: Awaited<ReturnType<typeof probe>>) {
  const { durationS, offsetS: _, statedS: __, ...facts } = video
  return { ...facts, durationS: durationS && !facts.still && Math.round(durationS * 20) / 20 }
}
