import { describe, expect, test } from 'vitest'
import { beepsOf, makeBeepsAt } from '../../helpers/media/beeps.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { CROP, drawnCodes, H264, makeVideo, shownCodes } from '../../helpers/media/media.ts'
import type { Video } from '../../helpers/media/media.ts'
import { FACE } from '../../helpers/media/scene.ts'
import { fakeModels } from '../../helpers/models/fake-models.ts'
import { shortlist } from '../../helpers/shortlist.ts'

/**
 * Which moment of the source is seen and heard at each moment of a result, and which of the recording is
 * heard and drawn: all read off the file as a player plays it, and held to what the job's documentation says
 * in seconds. The frames of the source are numbered, both sounds have beeps, and a mouth is yellow while
 * it hears one.
 */
const SOURCE_S = 3
const SPEECH_S = 2.2
const SPOKEN = { at: [0.25, 0.8, 1.2, 1.85], hz: 1000, lastS: 0.12 }
const OWN = { at: [0.1, 0.6, 1, 1.6, 2.25, 2.8], hz: 3000, lastS: 0.06 }
const EASE_S = 0.2 // in which the mouth returns to the source, or comes
/** Spans of the result that speak parts of the recording, where it does not from first to last. */
const SEGMENTS = [
  { from: 0.2, to: 1.25, speech: { from: 0.55 } },
  { from: 1.4, to: SPEECH_S, speech: { to: 0.75 } },
]

type Length = 'audio' | 'video' | 'shortest' | 'longest' | 'loop' | 'remap'
const LENGTHS: Length[] = ['audio', 'longest', 'loop', 'video', 'shortest', 'remap']
const RATES = ['12', '30000/1001', '50', '24000/1001', '25', '60000/1001']
const TRIMS = [{ from: 0.3, to: 1.7 }, {}, { to: 1.5 }, { from: 0.5 }]

interface Row {
  length: Length
  rate: string
  trim: { from?: number; to?: number }
  /** Of the result, where it is not the source's. */
  fps?: number
  sound: 'replace' | 'keep'
  output?: Record<string, unknown>
  segments?: typeof SEGMENTS
}

const ALL: Row[] = LENGTHS.flatMap((length, i) =>
  RATES.flatMap((rate, j) =>
    TRIMS.map((trim, k) => {
      const sound = (i + j + k) % 2 === 0 ? ('keep' as const) : ('replace' as const)
      return { length, rate, trim, sound }
    }),
  ),
)
/** Each value of each column once, or more often. */
const CHOSEN = LENGTHS.map((length, i) => {
  const row = ALL.find(
    (row) => row.length === length && row.rate === RATES[i] && row.trim === TRIMS[i % 4],
  )!
  return row.rate === '50' ? { ...row, fps: 25 } : row
})
const AT_ANOTHER_RATE: Row[] = LENGTHS.map((length, i) => ({
  ...{ length, rate: RATES[5 - i]!, trim: TRIMS[i % 4]!, fps: [25, 29.97, 24][i % 3]! },
  sound: 'keep',
}))
const OUTPUTS = [
  ...[{ stream: true }, { lossless: true }, { codec: 'hevc' }],
  ...[{ format: 'webm' }, { format: 'mov' }],
]
const IN_ANOTHER_FILE: Row[] = OUTPUTS.flatMap((output) =>
  (['replace', 'keep'] as const).map((sound) => ({
    ...{ length: 'audio', rate: RATES[3]!, trim: TRIMS[0]!, sound, output },
  })),
)
const IN_SEGMENTS: Row[] = LENGTHS.flatMap((length, i) =>
  (['replace', 'keep'] as const).map((sound, k) => ({
    ...{ length, rate: RATES[(i + 3 * k) % 6]!, trim: TRIMS[(i + 2) % 4]!, sound },
    segments: SEGMENTS,
  })),
)
const OTHERS = [...AT_ANOTHER_RATE, ...IN_ANOTHER_FILE, ...IN_SEGMENTS]
const rows = [...CHOSEN, ...ALL.filter((row) => !CHOSEN.includes(row)), ...OTHERS]

const at = await scenario()
const speech = await makeBeepsAt(at.ffmpeg, at.media.file('speech.wav'), SPEECH_S, SPOKEN)
const own = await makeBeepsAt(at.ffmpeg, at.media.file('own.wav'), SOURCE_S, OWN)

const fpsOf = (rate: string) =>
  rate
    .split('/')
    .map(Number)
    .reduce((num, den) => num / den)

/** As cameras and phones write it: AAC, frames out of order, a key frame now and then. */
const FILMED = [...H264, '-bf', '2', '-g', '24', '-c:a', 'aac', '-b:a', '128k']
/** As studios do. */
const WITH_ALPHA = ['-c:v', 'prores_ks', '-profile:v', '4444', '-pix_fmt', 'yuva444p10le']

function sourceOf(rate: string, hasAlpha: boolean): Promise<string> {
  const file = at.media.file(`${rate.replace('/', '-')}.${hasAlpha ? 'mov' : 'mp4'}`)
  const frames = Math.round(SOURCE_S * fpsOf(rate))
  const encode = ['-i', own, ...(hasAlpha ? WITH_ALPHA : FILMED)]
  return makeVideo(at.ffmpeg, file, { fps: rate, frames, encode })
}

/** Whether a mouth is drawn from one second of the result to another, where that is certain. */
function isDrawn(from: number, to: number, frameS: number, segments?: typeof SEGMENTS) {
  const spans = segments?.map(({ from, to, speech }) => ({
    ...{ from: from + EASE_S, first: from },
    last: Math.min(to, from + (speech.to ?? SPEECH_S) - (speech.from ?? 0)),
  })) ?? [{ from: 0, first: 0, last: SPEECH_S }]
  if (spans.some((span) => from >= span.from && to <= span.last - EASE_S)) return true
  const isNear = spans.some((span) => to >= span.first - frameS && from <= span.last + frameS)
  return isNear ? undefined : false
}

/** Seconds of the source's part that are shown at a moment of the result. */
function shownAt(length: Length, t: number, partS: number, resultS: number): number {
  if (length === 'loop') return t % partS
  if (length === 'remap') return (t / resultS) * partS
  const there = t % (2 * partS)
  return there < partS ? there : 2 * partS - there
}

function lengthOf(length: Length, partS: number): number {
  if (length === 'video') return partS
  if (length === 'shortest') return Math.min(partS, SPEECH_S)
  return length === 'longest' ? Math.max(partS, SPEECH_S) : SPEECH_S
}

/** When the beeps of the recording are heard. */
function spokenTimes(segments?: typeof SEGMENTS): number[] {
  if (!segments) return SPOKEN.at
  return segments.flatMap(({ from, to, speech }) => {
    const [first, end] = [speech.from ?? 0, speech.to ?? SPEECH_S]
    const heard = SPOKEN.at.filter((time) => time >= first && time < end)
    return heard.map((time) => time - first + from).filter((time) => time < to)
  })
}

/** When the mouth of a file is yellow: middles of the stretches, seconds. */
function yellowTimes(video: Video, frameS: number): number[] {
  const [x1, y1, x2, y2] = CROP
  const [x, y] = [Math.round((x1 + x2) / 2), Math.round(y1 + 0.9 * (y2 - y1))]
  const times: number[] = []
  let from: number | undefined
  for (let i = 0; i <= video.frames; i++) {
    const [, u, v] = i < video.frames ? video.pixel(i, x, y) : [0, 128, 128]
    const isYellow = u < 90 && v > 90
    if (isYellow) from ??= i
    if (isYellow || from === undefined) continue
    times.push(((from + i) / 2) * frameS)
    from = undefined
  }
  return times
}

/** @param within seconds that each may be off */
function expectTimes(what: string, found: number[], expected: number[], within: number) {
  const off = found.map((time, i) => Math.abs(time - expected[i]!))
  const message = `${what}: ${found.map((time) => time.toFixed(3))}, expected ${expected}`
  expect(found, message).toHaveLength(expected.length)
  expect(Math.max(0, ...off), message).toBeLessThan(within)
}

describe('each moment of a result is that of the source and of the recording', () => {
  test.each(shortlist(CHOSEN.length / 2, rows))(
    '%j',
    async ({ length, rate, trim, fps, sound, output, segments }) => {
      const source = await sourceOf(rate, output?.['format'] === 'mov')
      const count = Math.round(SOURCE_S * fpsOf(rate))
      const models = fakeModels({ loudMouth: [255, 255, 0] })
      const face = sound === 'keep' ? 'largest' : { boxes: Array<unknown>(count).fill(FACE) }
      const wanted = {
        ...(fps && { fps }),
        ...(output && { output }),
        ...(segments && { segments }),
      }
      const job = { video: source, audio: speech, length, trim, sound, face, ...wanted }
      const { result, video } = await at.run(job, { models })

      const frameS = 1 / result.fps
      const slowerS = Math.max(frameS, 1 / fpsOf(rate))
      const atFrame = (seconds: number) => Math.round(seconds * result.fps) * frameS
      const [from, to] = [atFrame(trim.from ?? 0), atFrame(trim.to ?? SOURCE_S)]
      const resultS = lengthOf(length, to - from)
      expect(Math.abs(video.frames * frameS - resultS)).toBeLessThan(1.01 * frameS)
      expect(Math.abs(result.duration_sec - resultS)).toBeLessThan(1.01 * frameS)
      const isKept = sound === 'keep' || segments !== undefined
      const soundS = Math.min(resultS, Math.max(SPEECH_S, isKept ? to - from : 0))
      expect(Math.abs(video.audioS - soundS)).toBeLessThan(1.01 * frameS + 1024 / 48_000)
      // In some files the sound's encoder begins before zero, and all else is shown so much later.
      const beginS = video.times[0]!
      expect(beginS).toBeLessThan(0.025)
      const late = video.times.map((time, i) => Math.abs(time - beginS - i * frameS))
      expect(Math.max(...late)).toBeLessThan(0.0011)

      const shown = shownCodes(video)
      const madeS = video.frames * frameS
      const shouldBe = shown.map((_, i) => from + shownAt(length, i * frameS, to - from, madeS))
      const off = shown.map((code, i) => Math.abs(code / fpsOf(rate) - shouldBe[i]!))
      expect(Math.max(...off), `shown: ${shown}`).toBeLessThan(1.01 * slowerS)

      const drawn = shown.map((code, i) =>
        isDrawn(i * frameS, (i + 1) * frameS, frameS, segments) ? code : undefined,
      )
      const certain = drawnCodes(video, CROP).map((code, i) => {
        const isCertain = isDrawn(i * frameS, (i + 1) * frameS, frameS, segments) !== undefined
        return isCertain ? code : undefined
      })
      expect(certain).toEqual(drawn)

      const spoken = spokenTimes(segments).filter((time) => time < resultS)
      const middles = spoken.map((time) => time + SPOKEN.lastS / 2)
      expectTimes('mouth', yellowTimes(video, frameS), middles, frameS)

      const beeps = await beepsOf(at.ffmpeg, result.output_url, [1000, 3000])
      const [heard = [], ownHeard = []] = beeps.map((all) => all.map((time) => time - beginS))
      expectTimes('speech', heard, spoken, frameS)
      // Once, at its own speed, from the first frame to the last that is shown of it.
      const ownS = Math.min(to - from, resultS)
      const kept = OWN.at.map((time) => time - from).filter((time) => time >= 0 && time < ownS)
      const isSpoken = (time: number) => segments?.some(({ from, to }) => time > from && time < to)
      const audible = sound === 'keep' ? kept : isKept ? kept.filter((time) => !isSpoken(time)) : []
      expectTimes('own', ownHeard, audible, frameS)
    },
  )
})
