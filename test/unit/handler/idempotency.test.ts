import { expect, test } from 'vitest'
import { inputDigest, OUTSIDE_DIGEST } from '../../../handler/job/input-digest.ts'
import { JobSchema } from '../../../handler/job/job-schema.ts'
import { parseJob } from '../../../handler/job/parse-job.ts'

type Fields = Record<string, unknown>

const BASE = { id: 'j', video_url: 'https://a.test/v.mp4', audio_url: 'https://a.test/a.wav' }

const twoFaces = (name: string): Fields => ({
  audio_url: undefined,
  faces: [{ box: [0, 0, 9, 9], audio_url: `https://a.test/${name}.wav` }],
})

/** Two jobs that differ in one field, for every field that the picture or the sound depends on. */
const IN_THE_VIDEO: Record<string, [Fields, Fields]> = {
  video_url: [{}, { video_url: 'https://a.test/w.mp4' }],
  video: [{}, { video_url: undefined, video: 'https://a.test/w.mp4' }],
  audio_url: [{}, { audio_url: 'https://a.test/b.wav' }],
  audio: [{}, { audio_url: undefined, audio: 'https://a.test/b.wav' }],
  video_base64: [
    { video_url: undefined, video_base64: 'AAAA' },
    { video_url: undefined, video_base64: 'AAAB' },
  ],
  audio_base64: [
    { audio_url: undefined, audio_base64: 'AAAA' },
    { audio_url: undefined, audio_base64: 'AAAB' },
  ],
  face: [{ face: { at: [9, 9] } }, { face: { at: [9, 9], frame: 1 } }],
  trim: [{ trim: { from: 1 } }, { trim: { from: 1, to: 3 } }],
  speech: [{}, { speech: { to: 2 } }],
  segments: [{ segments: [{ from: 0, to: 1 }] }, { segments: [{ from: 0, to: 2 }] }],
  faces: [twoFaces('b'), twoFaces('c')],
  sound: [{}, { sound: 'keep' }],
  loudness: [{}, { loudness: -16 }],
  length: [{}, { length: 'video' }],
  sync_mode: [{}, { sync_mode: 'loop' }],
  loop_cut: [{ length: 'loop' }, { length: 'loop', loop_cut: 'soft' }],
  silence: [{}, { silence: 'source' }],
  fps: [{}, { fps: 30 }],
  mask: [{}, { mask: 'neck' }],
  part: [{}, { part: { from: 0, to: 9, total: 99, source_frames: 99 } }],
  compat: [{}, { compat: 'reference' }],
  resolution: [
    { resolution: '64x64', output: { fit: 'cover' } },
    { resolution: '64x66', output: { fit: 'cover' } },
  ],
  aspect_ratio: [
    { aspect_ratio: '1:1', output: { fit: 'cover' } },
    { aspect_ratio: '9:16', output: { fit: 'cover' } },
  ],
  'output.fit': [
    { resolution: '64x64', output: { fit: 'cover' } },
    { resolution: '64x64', output: { fit: 'stretch' } },
  ],
  'output.format': [{}, { output: { format: 'webm' } }],
  'output.codec': [{}, { output: { codec: 'av1' } }],
  'output.crf': [{}, { output: { crf: 20 } }],
  'output.bitrate': [{ output: { bitrate: 'source' } }, { output: { bitrate: 500 } }],
  'output.lossless': [{}, { output: { lossless: true } }],
  'output.poster': [{ output: { poster: true } }, { output: { poster: { at: 1 } } }],
  'output.preview': [{}, { output: { preview: true } }],
  'output.provenance': [{}, { output: { provenance: true } }],
}

/** The same for every field that it does not depend on. */
const BESIDE_THE_VIDEO: Record<string, [Fields, Fields]> = {
  id: [{}, { id: 'k' }],
  musetalk_job_id: [{}, { id: undefined, musetalk_job_id: 'k' }],
  webhook: [{}, { webhook: 'https://a.test/hook' }],
  metadata: [{}, { metadata: { a: 1 } }],
  force: [{}, { force: true }],
  seed: [{}, { seed: 7 }],
  params: [{}, { params: { a: 1 } }],
  split: [{}, { split: { seconds: 60 } }],
  output: [{}, { output: {} }],
  'output.url': [{}, { output: { url: 'https://a.test/put' } }],
  'output.key': [{}, { output: { key: 'other.mp4' } }],
  'output.disposition': [{}, { output: { disposition: 'attachment' } }],
  'output.stream': [{}, { output: { stream: true } }],
}

const digest = (changes: Fields) => {
  const payload = Object.entries({ ...BASE, ...changes }).filter(([, value]) => value !== undefined)
  return inputDigest(parseJob(Object.fromEntries(payload), undefined, { allowFileInputs: false }))
}

test('every field of the schema is known to change the video, or not to', () => {
  const { entries } = JobSchema
  const output = Object.keys(entries.output.wrapped.entries).map((name) => `output.${name}`)
  const known = [...Object.keys(IN_THE_VIDEO), ...Object.keys(BESIDE_THE_VIDEO)]
  expect(known.toSorted()).toEqual([...Object.keys(entries), ...output].toSorted())
})

test.each(Object.entries(IN_THE_VIDEO))('%s is in the digest', (_field, [one, other]) => {
  expect(digest(other)).not.toBe(digest(one))
})

test.each(Object.entries(BESIDE_THE_VIDEO))('%s is not in the digest', (_field, [one, other]) => {
  expect(digest(other)).toBe(digest(one))
})

test('a field that nobody has spoken of yet is in it', () => {
  const job = parseJob(BASE, undefined, { allowFileInputs: false })
  expect(inputDigest({ ...job, beard: true } as typeof job)).not.toBe(inputDigest(job))
  const output = { ...job.output, grain: 3 }
  expect(inputDigest({ ...job, output })).not.toBe(inputDigest(job))
})

test('the order of fields, and signatures of addresses, play no part', () => {
  const one = { face: { box: [0, 0, 9, 9] }, fps: 30, output: { crf: 20, lossless: true } }
  const other = { output: { lossless: true, crf: 20 }, fps: 30, face: { box: [0, 0, 9, 9] } }
  expect(digest(other)).toBe(digest(one))
  expect(digest({ sync_mode: 'cut_off' })).toBe(digest({ length: 'shortest' }))
  expect(digest({ video_url: `${BASE.video_url}?X-Amz-Signature=1&Expires=2` })).toBe(digest({}))
  const job = parseJob(BASE, undefined, { allowFileInputs: false })
  const spelled = ['data:audio/wav;base64,AAAB', 'data:;base64,AA AB'].map((audio_url) =>
    digest({ audio_url }),
  )
  expect(new Set([...spelled, digest({ audio_url: undefined, audio_base64: 'AAAB' })]).size).toBe(1)
  const turned = Object.fromEntries(Object.entries(job).toReversed()) as typeof job
  expect(inputDigest(turned)).toBe(inputDigest(job))
})

test('what is left out names fields that a job has', () => {
  const job = parseJob(
    {
      ...BASE,
      webhook: 'https://a.test/hook',
      split: { seconds: 60 },
      output: { url: 'https://a.test/put' },
    },
    undefined,
    { allowFileInputs: false },
  )
  expect(Object.keys(job)).toEqual(expect.arrayContaining([...OUTSIDE_DIGEST.job]))
})

test('boxes that lie elsewhere count by their content where it is known, else by their address', () => {
  const of = (boxes_url: string) => digest({ face: { boxes_url } })
  expect(of('data:;base64,W10=')).toBe(of('data:application/json;base64,W10='))
  expect(of('data:;base64,W10=')).not.toBe(of('data:;base64,WzFd'))
  expect(of('https://a.test/1.json')).not.toBe(of('https://a.test/2.json'))
})
