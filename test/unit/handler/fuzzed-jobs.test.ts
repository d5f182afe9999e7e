import { expect, test } from 'vitest'
import { InputError } from '../../../handler/errors.ts'
import { inputDigest } from '../../../handler/job/input-digest.ts'
import { JobSchema } from '../../../handler/job/job-schema.ts'
import { objectName, parseJob } from '../../../handler/job/parse-job.ts'
import { parseGeneration, toJob } from '../../../runtime/http/sync-so/generation-request.ts'
import { seeded } from '../../helpers/orchestrator/random.ts'

function random(seed: number) {
  const { next, between } = seeded(seed)
  return { next, pick: <T>(from: readonly T[]): T => from[between(0, from.length - 1)]! }
}

const ODD: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1, 17, 35, 36, 120, 121, 1e308, 0.1, NaN, Infinity],
  ...[
    '',
    ' ',
    'a',
    '..',
    'x'.repeat(300),
    '\0',
    '\ud800',
    '🎬',
    'audio',
    'loop',
    'largest',
    'source',
    '9:16',
  ],
  ...[
    'http://a.test/v',
    'https://a.test/v?X-Amz-Signature=1',
    'https://u:p@a.test/',
    'http://',
    'ftp://a.test/v',
  ],
  ...[
    'data:;base64,AAAA',
    'data:,x',
    'data:',
    's3://bucket/key',
    's3://',
    'b2://b/',
    'upload:x',
    'upload:',
    '/etc/passwd',
  ],
  ...[
    'https://drive.google.com/file/d/1a/view',
    'https://www.dropbox.com/s/a/b?dl=0',
    'https://1drv.ms/v/s!A',
  ],
  ...[
    [],
    [1],
    [[0, 0, 9, 9]],
    [0, 0, 9, 9],
    {},
    { box: [0, 0, 9, 9] },
    { boxes: [[0, 0, 9, 9], null] },
    { boxes: [] },
  ],
  ...[
    { url: 'https://a.test/hook' },
    { url: 1, events: ['job.started'] },
    { key: 'a/b.mp4' },
    { key: '../a' },
  ],
  ...[
    { crf: 20, lossless: true },
    { fit: 'cover' },
    { format: 'mov', codec: 'prores', poster: true, preview: { frames: 24 } },
    { format: 'webm', bitrate: 'source', provenance: false, poster: { at: 1e9 } },
    { url: 'https://a.test/put', poster: {}, preview: { url: 'https://a.test/put', width: 64 } },
    { bitrate: 50, crf: 20, preview: { format: 'png', frames: -1 }, provenance: 'yes' },
    { fit: 'cover', extra: 1 },
    { a: { b: { c: [1, 2, { d: 1 }] } } },
  ],
]
const NAMES = [...Object.keys(JobSchema.entries), 'beard', 'constructor', 'toString', 'VIDEO_URL']
const GOOD = { video_url: 'https://a.test/v.mp4', audio_url: 'https://a.test/a.wav' }

test('whatever a job says, it is a job or an INVALID_JOB', () => {
  const { next, pick } = random(20_261_129)
  let taken = 0
  for (let i = 0; i < 10_000; i++) {
    const fields = Array.from({ length: 1 + Math.floor(next() * 3) }, () => [
      pick(NAMES),
      pick(ODD),
    ])
    const payload: unknown =
      next() < 0.03 ? pick(ODD) : { ...(next() < 0.9 && GOOD), ...Object.fromEntries(fields) }
    try {
      const job = parseJob(payload, undefined, { allowFileInputs: next() < 0.2 })
      taken++
      expect(inputDigest(job)).toMatch(/^[0-9a-f]{64}$/)
      expect(objectName(job)).toMatch(/^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/)
    } catch (error) {
      expect(error, JSON.stringify(payload)).toBeInstanceOf(InputError)
      const { code, message, problems } = error as InputError
      expect([code, problems.length > 0]).toEqual(['INVALID_JOB', true])
      expect(message.isWellFormed() && message.length <= 4000, message).toBe(true)
    }
  }
  expect(taken, 'the fuzz has to reach what lies behind the check').toBeGreaterThan(200)
})

test('whatever a generation of sync.so’s says, it is a job or a refusal', () => {
  const { next, pick } = random(7)
  const names = ['model', 'input', 'options', 'segments', 'webhookUrl', 'outputFileName', 'voice']
  const inner = [
    'sync_mode',
    'temperature',
    'active_speaker_detection',
    'occlusion_detection_enabled',
  ]
  const input = [
    { type: 'video', url: GOOD.video_url },
    { type: 'audio', url: GOOD.audio_url },
  ]
  let taken = 0
  for (let i = 0; i < 5_000; i++) {
    const options = {
      [pick(inner)]: pick([...ODD, 'bounce', 'remap', { bounding_boxes: [[1, 2, 3, 4]] }]),
    }
    const payload = { model: 'lipsync-2', input, ...(next() < 0.5 && { options }) }
    const odd = next() < 0.5 ? { ...payload, [pick(names)]: pick(ODD) } : payload
    try {
      const job = toJob(parseGeneration(odd), 'g')
      taken++
      expect(job).toMatchObject({ id: 'g', video_url: expect.any(String) as string })
    } catch (error) {
      expect(error, JSON.stringify(odd)).toMatchObject({ code: 'INVALID_JOB' })
    }
  }
  expect(taken).toBeGreaterThan(500)
})
