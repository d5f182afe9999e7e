import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ProbeResult, StreamInfo } from '../../../handler/render/media/media-info.ts'
import {
  parseFfmpegBanner,
  parseFfprobeJson,
} from '../../../handler/render/media/probing/ffprobe-output.ts'
import { nearestStandardRate } from '../../../handler/render/media/frame-rate.ts'
import { golden } from '../../helpers/fixture-paths.ts'

/** What ffprobe 5, and ffmpeg 5 and 9, said of the same small files. */
const recorded = JSON.parse(readFileSync(golden('reports.json'), 'utf8')) as Record<
  string,
  { ffprobe5: unknown; ffmpeg5: string[]; ffmpeg9: string[] }
>

/**
 * Not what only one of both can know (frame counts, exact starts, channels beyond stereo), nor what
 * these reports were stripped of.
 */
function comparable({ format, durationS, streams }: ProbeResult) {
  const bare = ({
    frames: _f,
    startS: _s,
    durationS: _d,
    byDefault: _b,
    sampleRate: _r,
    channels = 3,
    ...stream
  }: StreamInfo) => ({
    cover: false,
    interlaced: false,
    ...stream,
    channels: stream.kind === 'audio' ? Math.min(channels, 3) : 0,
    ...(stream.kind === 'video'
      ? { aspect: stream.aspect ?? 1 }
      : { color: {}, average: 0, base: 0 }),
  })
  const rates = ({ average, base, ...stream }: ReturnType<typeof bare>) =>
    stream.cover ? stream : { ...stream, average, base }
  const seconds = durationS && Math.round(durationS * 10) / 10
  return { format, seconds, streams: streams.map((stream) => rates(bare(stream))) }
}

describe.each(Object.entries(recorded))('%s', (_, { ffprobe5, ffmpeg5, ffmpeg9 }) => {
  const fromJson = parseFfprobeJson(JSON.stringify(ffprobe5))
  test.each([
    ['5', ffmpeg5],
    ['9', ffmpeg9],
  ])('reads the same from ffprobe and from the text of ffmpeg %s', (_, lines) => {
    const fromText = parseFfmpegBanner(lines.join('\n'))
    expect(comparable(fromText)).toEqual(comparable(fromJson))
  })
})

describe('the facts', () => {
  const video = (name: string) =>
    parseFfmpegBanner(recorded[name]!.ffmpeg5.join('\n')).streams.find((s) => s.kind === 'video')!

  test('of a turned phone video: clockwise, as it must be turned', () => {
    expect(video('turned.mp4')).toMatchObject({ width: 192, height: 144, rotation: -90 })
  })
  test('of HDR with wide samples', () => {
    expect(video('pq.mkv')).toMatchObject({
      ...{ codec: 'hevc', pixelFormat: 'yuv420p10le', aspect: 0.5 },
      average: { num: 30_000, den: 1001 },
      color: { range: 'tv', matrix: 'bt2020nc', primaries: 'bt2020', transfer: 'smpte2084' },
    })
  })
  test('of an interlaced broadcast', () => {
    expect(video('inter.ts')).toMatchObject({ interlaced: true, color: { matrix: 'bt709' } })
  })
  test('of a cover, which is no video', () => {
    expect(video('cover.mp3').cover).toBe(true)
  })
  test('of streams: which of them is played when nobody chooses', () => {
    const streams = (text: string) => parseFfmpegBanner(text).streams.map((s) => s.byDefault)
    const lines = [
      "Input #0, matroska,webm, from 'a.mkv':",
      '  Stream #0:0: Audio: aac (LC), 16000 Hz, mono, fltp',
      '  Stream #0:1: Audio: aac (LC), 16000 Hz, 1 channels, fltp (default)',
    ]
    expect(streams(lines.join('\n'))).toEqual([false, true])
    const json = [0, 1].map((at) => ({ codec_type: 'audio', disposition: { default: at } }))
    const read = parseFfprobeJson(JSON.stringify({ format: {}, streams: json }))
    expect(read.streams.map((s) => [s.index, s.byDefault])).toEqual([
      [0, false],
      [1, true],
    ])
    expect(parseFfmpegBanner(lines.join('\n')).streams[1]).toMatchObject({
      ...{ channels: 1, sampleRate: 16_000 },
    })
  })
  test('of a picture that is mirrored, and of a length in a tag', () => {
    const rows = (a: number, b: number, c: number, d: number) =>
      `\n00000000: ${a} ${b} 0\n00000001: ${c} ${d} 0\n00000002: 0 0 1073741824\n`
    const read = (displaymatrix: string) =>
      parseFfprobeJson(
        JSON.stringify({
          streams: [
            {
              ...{ codec_type: 'video', tags: { DURATION: '00:01:05.280000000' } },
              side_data_list: [{ displaymatrix, rotation: 0 }],
            },
          ],
        }),
      ).streams[0]!
    expect(read(rows(65536, 0, 0, 65536))).not.toHaveProperty('mirrored')
    expect(read(rows(0, 65536, -65536, 0))).not.toHaveProperty('mirrored')
    expect(read(rows(-65536, 0, 0, 65536)).mirrored).toBe(true)
    expect(read(rows(0, 65536, 65536, 0)).durationS).toBe(65.28)
  })
  test('of an animation: how long it is', () => {
    const gif = parseFfmpegBanner(recorded['a.gif']!.ffmpeg5.join('\n'))
    expect(gif).toMatchObject({ format: 'gif', durationS: 1 })
  })
})

test('a rate in thousands', () => {
  const fast = recorded['plain.mp4']!.ffmpeg5.join('\n').replace(
    '25 fps, 25 tbr',
    '1k fps, 90k tbr',
  )
  const [video] = parseFfmpegBanner(fast).streams
  expect(video).toMatchObject({ average: { num: 1_000_000, den: 1000 }, base: { num: 90_000_000 } })
})

describe('what tells nothing', () => {
  test.each(['', '{', '{\n', '[]', 'null', '{"streams":[{}]}'])('%j as JSON', (text) => {
    expect(parseFfprobeJson(text).format).toBe('')
  })
  test.each(['', 'x.bin: Invalid data found when processing input', '\0\n'.repeat(99)])(
    '%j as text',
    (text) => expect(parseFfmpegBanner(text)).toMatchObject({ format: '', streams: [] }),
  )
})

describe('a rounded rate stands for the standard one nearby', () => {
  test.each([
    [23.98, 24_000 / 1001],
    [29.97, 30_000 / 1001],
    [59.94, 60_000 / 1001],
    [119.88, 120_000 / 1001],
    [24, 24],
    [30, 30],
    [12.5, 12.5],
    [17.21, 17.21],
  ])('%d', (shown, meant) => {
    const { num, den } = nearestStandardRate(shown)!
    expect(num / den).toBeCloseTo(meant, 6)
  })
  test('and none is none', () => expect(nearestStandardRate(undefined)).toBeUndefined())
})
