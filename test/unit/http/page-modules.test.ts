import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

/** A module of the page; those of what is drawn need a browser, these do not. */
const load = (name: string) =>
  import(
    new URL(`../../../runtime/http/pages/app/${name}.browser.js`, import.meta.url).href
  ) as Promise<Record<string, (...values: any[]) => any>>

test('every error has its advice in plain words', async () => {
  const { adviceFor } = await load('errors')
  const page = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  const codes = [...page.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => code!)
  expect(codes.length).toBeGreaterThan(15)
  const ofServer = ['NOT_FOUND', 'UNAUTHORIZED', 'INVALID_UPLOAD', 'UNSUPPORTED_TYPE']
  for (const code of [...codes, ...ofServer]) expect(adviceFor!(code), code).toMatch(/\w/)
})

test('a source is shown at the moment that the result has of it', async () => {
  const { sourceTime } = await load('compare')
  const at = (job: object) => [0, 1.5, 2, 3.5, 4, 9].map((time) => sourceTime!(time, 10, 2, job))
  expect(at({})).toEqual([0, 1.5, 2, 0.5, 0, 1])
  expect(at({ length: 'loop' })).toEqual([0, 1.5, 0, 1.5, 0, 1])
  expect(at({ length: 'remap' })).toEqual([0, 0.3, 0.4, 0.7, 0.8, 1.8])
  expect(at({ trim: { from: 1 } })).toEqual([1, 1.5, 1, 1.5, 1, 2])
})

test('what is enlarged is the mouth of the face that was drawn', async () => {
  const { mouthOf, originOf } = await load('compare')
  expect([originOf!(0.3, 1), originOf!(0.4, 2), originOf!(0.1, 2), originOf!(0.5, 4)]).toEqual([
    ...[0.3, 0.30000000000000004, 0, 0.5],
  ])
  const size = { output_url: '', width: 100, height: 200 }
  expect(mouthOf!({ ...size, face: { box: [20, 40, 40, 80] } })).toEqual([0.3, 0.35])
  expect(mouthOf!(size)).toEqual([0.5, 0.75])
})

test('options are put in their places, and what cannot be streamed is not asked to be', async () => {
  const { readFields, withStream } = await load('all-options')
  const field = (path: string[], value: unknown) => ({ path, read: () => value })
  const fields = [field(['fps'], 30), field(['output', 'crf'], 20), field(['id'], undefined)]
  const job = readFields!(fields)
  expect(job).toEqual({ fps: 30, output: { crf: 20 } })
  expect(withStream!(job).output).toEqual({ crf: 20, stream: true })
  expect(withStream!({ output: { lossless: true } }).output).toEqual({ lossless: true })
  expect(withStream!({ output: { stream: false } }).output).toEqual({ stream: false })
})

test('the codecs of a movie header are read when it is whole', async () => {
  const { readCodecs } = await load('live-video')
  const head = Buffer.concat([Buffer.from('....avcC'), Buffer.from([1, 0x64, 0x00, 0x1f])])
  expect(readCodecs!(head)).toBe(undefined)
  expect(readCodecs!(Buffer.concat([head, Buffer.from('mp4a...moof')]))).toBe(
    'avc1.64001f,mp4a.40.2',
  )
  expect(readCodecs!(Buffer.concat([head, Buffer.from('moof')]))).toBe('avc1.64001f')
})

test('the ends of a part keep their order, and the last is exact', async () => {
  const { moveEnd, movedBy } = await load('inputs/trim-strip')
  const all = { from: 0, to: 7.083, at: 0 }
  expect(moveEnd!(all, 'from', 1.239, 7.083)).toEqual({ from: 1.24, to: 7.083, at: 0 })
  expect(moveEnd!(all, 'from', 9, 7.083).from).toBe(6.98)
  expect(moveEnd!({ ...all, from: 3 }, 'to', 1, 7.083).to).toBe(3.1)
  expect(moveEnd!({ ...all, to: 5 }, 'to', 99, 7.083).to).toBe(7.083)
  expect(moveEnd!(all, 'at', -1, 7.083).at).toBe(0)
  expect(['ArrowLeft', 'PageUp', 'Home', 'a'].map((key) => movedBy!(key, 2, 5))).toEqual([
    ...[1.9, 3, -3, undefined],
  ])
})

test('the rate of a video is that of its nearest frames, though some were not shown', async () => {
  const { rateOf } = await load('inputs/frame-rate')
  expect(rateOf!([0, 0.033367, 0.100101, 0.133468])).toBeCloseTo(30_000 / 1001, 9)
  expect(rateOf!([0.04, 0.08, 0.2])).toBe(25)
  expect(rateOf!([0, 0.1, 0.2])).toBeCloseTo(10)
})

test('the loudest sample of each stretch is drawn', async () => {
  const { readPeaks } = await load('inputs/waveform')
  expect(readPeaks!(Float32Array.of(0, 0.5, -0.75, 0.25), 2)).toEqual([0.5, 0.75])
})

// test/integration/http/client.test.ts runs them.
test('the job as a program holds what has quotes', async () => {
  const { writeSnippet } = await load('snippets')
  const job = { audio_url: "https://x.test/it's.wav", metadata: { said: '"$HOME"' } }
  const write = (language: string) =>
    writeSnippet!(language, job, { video_url: "a'b.mp4" }, 'http://w')
  expect(write('curl')).toContain(`-T 'a'\\''b.mp4' http://w/uploads`)
  expect(write('curl')).toContain(`"video_url": "'$video'"`)
  expect(write('curl')).toContain(`it'\\''s.wav`)
  expect(write('typescript')).toContain(`"video_url": video.url`)
  expect(write('python')).toContain(`"said": "\\"$HOME\\""`)
})
