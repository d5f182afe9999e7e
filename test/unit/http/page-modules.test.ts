import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'

/** A module of the page; those of what is drawn need a browser, these do not. */
const load = (name: string) =>
  import(
    new URL(`../../../runtime/http/pages/app/${name}.browser.js`, import.meta.url).href
  ) as Promise<Record<string, (...values: any[]) => any>>

test('every error has its advice in plain words', async () => {
  const { adviceFor } = await load('errors')
  const page = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  const codes = [...page.matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code!)
  expect(codes.length).toBeGreaterThan(15)
  for (const code of codes) expect(adviceFor!(code), code).toMatch(/\w/)
})

test('a source that plays back and forth is shown where the result has it', async () => {
  const { sourceTime } = await load('compare')
  expect([0, 1.5, 2, 3.5, 4, 9].map((time) => sourceTime!(time, 2))).toEqual([0, 1.5, 2, 0.5, 0, 1])
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

describe('the job as a program', async () => {
  const { writeSnippet } = await load('snippets')
  const job = { video_url: "https://x.test/it's.mp4", audio_url: 'https://x.test/s.wav' }
  test('for a shell keeps quotes', () => {
    expect(writeSnippet!('curl', job, 'http://w')).toContain(`it'\\''s.mp4`)
  })
  test.each(['typescript', 'python'])('in %s names both inputs', (language) => {
    const text = writeSnippet!(language, job, 'http://w')
    expect(text).toContain('http://w/generate')
    expect(text).toContain('https://x.test/s.wav')
  })
})
