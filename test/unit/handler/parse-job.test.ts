import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { InputError } from '../../../handler/errors.ts'
import { jobJsonSchema } from '../../../handler/job/job-schema.ts'
import { objectName, parseJob, type ParseOptions } from '../../../handler/job/parse-job.ts'

const RULES: ParseOptions = { allowFileInputs: false }
const URLS = { video_url: 'https://a.example/v.mp4', audio_url: 'https://a.example/a.wav' }

const parse = (job: unknown, rules = RULES, id?: string) => parseJob(job, id, rules)

/** The refusal of a job, as `field: message` lines. */
function problems(job: unknown, rules = RULES): string[] {
  try {
    parseJob(job, undefined, rules)
  } catch (thrown) {
    const error = thrown as InputError
    expect(error).toMatchObject({ code: 'INVALID_JOB', retryable: false })
    expect(error.message.isWellFormed()).toBe(true)
    expect(error.message.length).toBeLessThanOrEqual(4000)
    return error.problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
  }
  return expect.fail('the job was taken')
}

const fields = (job: unknown) => problems(job).map((line) => line.slice(0, line.indexOf(':')))

const BOX = [0, 0, 9, 9]

describe('a job of two URLs is enough', () => {
  test('and gets the defaults', () => {
    const job = parse(URLS)
    expect(job).toMatchObject({
      video_url: URLS.video_url,
      voices: [{ field: 'audio_url', audio_url: URLS.audio_url, face: 'largest' }],
      ...{ sound: 'replace', length: 'audio', silence: 'model', mask: 'jaw', force: false },
      ...{ metadata: {}, output: { crf: 17, lossless: false }, frame: { fit: 'source' } },
    })
    expect(job.id).toMatch(/^[0-9a-f-]{36}$/)
  })
  test('under their short names too', () => {
    const job = parse({ video: URLS.video_url, audio: URLS.audio_url })
    expect(job).toMatchObject({ ...parse({ ...URLS, id: job.id }), isNamed: false })
  })
  test('as the legacy worker was sent it', () => {
    const job = parse({
      ...{ musetalk_job_id: 'm1', ...URLS, aspect_ratio: '1:1', resolution: '512x512' },
      ...{ params: null, seed: 7 },
    })
    expect(job).toMatchObject({ id: 'm1', frame: { fit: 'source' } })
    expect(job).not.toHaveProperty('musetalk_job_id')
  })
})

describe('who speaks, when', () => {
  const [video_url, one, two] = [
    'https://a.example/v',
    'https://a.example/1',
    'https://a.example/2',
  ]
  const span = (from: number, to: number, more = {}) => ({ from, to, ...more })
  test('a segment has its own recording, or the job’s; and lasts as long as the video', () => {
    const segments = [
      span(0, 1),
      span(2, 3, { audio: two, speech: { from: 1 }, face: { box: BOX } }),
    ]
    const job = parse({ video_url, audio_url: one, segments })
    expect(job.length).toBe('video')
    expect(job.voices).toEqual([
      {
        field: 'audio_url',
        audio_url: one,
        face: 'largest',
        faceField: 'face',
        span: { from: 0, to: 1 },
      },
      {
        ...{ field: 'segments.1.audio_url', audio_url: two, face: { box: BOX } },
        faceField: 'segments.1.face',
        ...{ span: { from: 2, to: 3 }, speech: { from: 1 } },
      },
    ])
    expect(parse({ video_url, audio_url: one, segments, length: 'audio' }).length).toBe('audio')
  })
  test('several faces, each with a recording', () => {
    const faces = [
      { box: BOX, audio_url: one },
      { at: [3, 4], frame: 7, audio_url: two },
    ]
    expect(parse({ video_url, faces }).voices).toEqual([
      { field: 'faces.0.audio_url', audio_url: one, face: { box: BOX }, faceField: 'faces.0' },
      {
        field: 'faces.1.audio_url',
        audio_url: two,
        face: { at: [3, 4], frame: 7 },
        faceField: 'faces.1',
      },
    ])
  })
  const audio_url = two
  const face = { box: BOX, audio_url: one }
  test.each([
    ['segments that overlap', { audio_url, segments: [span(2, 3), span(0, 2.1)] }, 'segments'],
    ['one that ends before it begins', { audio_url, segments: [span(2, 2)] }, 'segments.0'],
    ['none', { audio_url, segments: [] }, 'segments'],
    ['one without a recording', { segments: [span(0, 1)] }, 'segments.0.audio_url'],
    ['a field that is none', { audio_url, segments: [span(0, 1, { x: 1 })] }, 'segments.0.x'],
    ['a path', { segments: [span(0, 1, { audio: '/etc/passwd' })] }, 'segments.0.audio'],
    ['a recording nobody speaks', { audio_url, faces: [face] }, 'audio_url'],
    ['a face nobody names', { faces: [{ audio_url: one }] }, 'faces.0'],
    ['a face named twice', { faces: [{ ...face, at: [1, 2] }] }, 'faces.0'],
    ['a face twice', { faces: [face, face] }, 'faces'],
    ['a face without a recording', { audio_url, faces: [{ box: BOX }] }, 'faces.0.audio_url'],
    ['a face beside faces', { faces: [face], face: 'largest' }, 'face'],
    ['a part of what is not said', { faces: [face], speech: { from: 1 } }, 'speech'],
    ['both', { faces: [face], audio_url, segments: [span(0, 1)] }, 'faces'],
    ['sound that is louder', { audio_url, sound: { keep_db: 3 } }, 'sound.keep_db'],
  ])('%s: refused', (_, job, field) => expect(fields({ video_url, ...job })).toEqual([field]))
})

describe('the length in sync.so’s words', () => {
  test.each([
    ['bounce', 'audio'],
    ['loop', 'loop'],
    ['cut_off', 'shortest'],
    ['silence', 'video'],
    ['remap', 'remap'],
  ])('%s is %s', (sync_mode, length) => {
    const job = parse({ ...URLS, sync_mode })
    expect(job.length).toBe(length)
    expect(job).not.toHaveProperty('sync_mode')
    expect(parse({ ...URLS, sync_mode, length }).length).toBe(length)
  })
  test('is refused where length says something else, and where it is no word of theirs', () => {
    const both = problems({ ...URLS, sync_mode: 'loop', length: 'audio' })
    expect(both).toEqual(['sync_mode: means length "loop"; give one of them, or both alike'])
    expect(fields({ ...URLS, sync_mode: 'audio' })).toEqual(['sync_mode'])
  })
})

describe('the cut of a loop', () => {
  test('is hard where nothing else is said, and soft only in a loop', () => {
    const soft = { ...URLS, loop_cut: 'soft' }
    const hard = parse({ ...URLS, id: 'a', length: 'loop', loop_cut: 'hard' })
    expect(hard).toEqual(parse({ ...URLS, id: 'a', length: 'loop' }))
    expect(parse({ ...soft, length: 'loop' })).toMatchObject({ softCut: true })
    expect(parse({ ...soft, sync_mode: 'loop' })).toMatchObject({ length: 'loop', softCut: true })
    expect(problems(soft)).toEqual(['loop_cut: counts only with length "loop"'])
    expect(fields({ ...soft, length: 'remap' })).toEqual(['loop_cut'])
    expect(fields({ ...URLS, length: 'loop', loop_cut: 0.2 })).toEqual(['loop_cut'])
  })
})

describe('an input', () => {
  const { audio_url } = URLS
  test('in base64 is a data: URL whose content is known', () => {
    const job = parse({ video_base64: 'AAAA', audio_url })
    expect(job.video_url).toBe('data:application/octet-stream;base64,AAAA')
    expect(job.contents).toEqual({
      video_url: createHash('sha256').update(Buffer.alloc(3)).digest('hex'),
    })
    expect(job).not.toHaveProperty('video_base64')
    expect(parse({ video: 'data:video/mp4;base64,AAAA', audio_url }).contents).toEqual(job.contents)
  })
  test('that is shared is the file behind the link', () => {
    const job = parse({ video: 'https://www.dropbox.com/s/a/v.mp4?dl=0', audio_url })
    expect(job).toMatchObject({ video_url: 'https://www.dropbox.com/s/a/v.mp4?dl=1', contents: {} })
  })
  test.each([
    [{ video_base64: 'A', audio_url }, 'video_base64: has a content that is not base64'],
    [{ video: 'data:x', audio_url }, 'video: must be a data: URL as'],
    [
      { video: 's3://a/b', audio_url },
      'video: names a bucket; this worker reads none (INPUT_BUCKETS)',
    ],
    [{ video: 'upload:1', audio_url }, 'video: names an upload, which only the server'],
    [
      { ...URLS, audio_base64: 'AAAA' },
      'audio_base64: is another way to give audio_url; give one of them',
    ],
    [{ video_base64: '', audio_url }, 'video_base64: Invalid length'],
  ])('is refused: %j', (job, line) => {
    expect(problems(job)).toEqual([expect.stringContaining(line)])
  })
})

describe('the id', () => {
  test('is the job’s own before the legacy worker’s before the platform’s', () => {
    expect(parse({ ...URLS, id: 'a', musetalk_job_id: 'b' }, RULES, 'c').id).toBe('a')
    expect(parse({ ...URLS, musetalk_job_id: 'b' }, RULES, 'c').id).toBe('b')
    expect(parse(URLS, RULES, 'c').id).toBe('c')
  })
  test('of a platform is written so that it can name an object', () => {
    expect(parse(URLS, RULES, '../a/b c').id).toBe('_a_b_c')
    expect(parse(URLS, RULES, 'x'.repeat(4096)).id).toHaveLength(200)
  })
  test.each(['', '../a', 'a/b', '.hidden', 'x'.repeat(4096), '🎬', 'a b', 'a\n', 7])(
    'is refused where it could leave the prefix: %.20j',
    (id) => expect(fields({ ...URLS, id })).toEqual(['id']),
  )
  test('names the object, with the kind of file', () => {
    expect(objectName(parse({ ...URLS, id: 'a' }))).toBe('a.mp4')
    expect(objectName(parse({ ...URLS, id: 'a', output: { lossless: true } }))).toBe('a.mkv')
    expect(objectName(parse({ ...URLS, output: { key: 'x/y.mp4' } }))).toBe('x/y.mp4')
  })
})

describe('INVALID_JOB names every bad field', () => {
  test.each([[undefined], [null], [[]], ['text'], [7], [true]])('%j is no job', (payload) => {
    expect(problems(payload).length).toBeGreaterThan(0)
  })
  test('missing ones', () => {
    expect(problems({})).toEqual(['video_url: is required', 'audio_url: is required'])
  })
  test('unknown ones, all of them, together with wrong ones', () => {
    const job = { ...URLS, one: 1, two: 2, fps: 'x', output: { three: 3, crf: 9 } }
    expect(fields(job).toSorted()).toEqual(['fps', 'one', 'output.crf', 'output.three', 'two'])
  })
  test('numbers as strings', () => {
    expect(fields({ ...URLS, fps: '25', output: { crf: '17' } }).toSorted()).toEqual([
      ...['fps', 'output.crf'],
    ])
  })
  test.each([
    ['video_url', 7],
    ['video_url', ''],
    ['audio_url', null],
    ['face', 'smallest'],
    ['length', 'long'],
    ['silence', null],
    ['fps', 4.9],
    ['fps', 121],
    ['fps', NaN],
    ['mask', 'nose'],
    ['compat', 'yes'],
    ['split', 60],
    ['metadata', []],
    ['output', []],
    ['params', [1]],
    ['metadata', { text: 'x'.repeat(4096) }],
    ['params', { text: 'x'.repeat(70_000) }],
    ['force', 'true'],
    ['webhook', 'mailto:a@b.example'],
    ['webhook', { url: 'https://a.example', events: ['job.done'] }],
    ['webhook', { url: 'https://a.example', extra: 1 }],
    ['resolution', 512],
    ['trim', []],
    ['speech', 3],
    ['loudness', 0],
    ['loudness', -37],
  ])('%s: %.40j', (field, value) => {
    expect(fields({ ...URLS, [field]: value })).toEqual([field])
  })
  test.each([
    [{ from: 2, to: 2 }, 'trim'],
    [{ from: -1 }, 'trim.from'],
    [{ from: 0, to: 86_401 }, 'trim.to'],
    [{ from: '2' }, 'trim.from'],
    [{ form: 2 }, 'trim.form'],
  ])('trim: %j', (trim, field) => expect(fields({ ...URLS, trim })).toEqual([field]))
  test.each([
    ...[{ box: [10, 10, 5, 20] }, { box: [1, 2, 3] }, { boxes: [] }, { circle: 1 }],
    ...[{ at: [1] }, { at: [-1, 0] }, { at: [0, 1], frame: -1 }, { at: [0, 1], frame: 0.5 }],
    ...[{ boxes_url: '' }, { boxes_url: 'file:///etc/passwd' }, { boxes_url: 'upload:none' }],
    ...[{ at: [0, 1], frame: 216_001 }, { frame: 3 }, { at: [0, 1], box: [0, 0, 9, 9] }],
  ])('face: %j', (face) => expect(fields({ ...URLS, face })[0]).toMatch(/^face/))
  test.each([
    { boxes_url: 'https://a.test/b.json' },
    { at: [0, 0] },
    { at: [319.5, 200], frame: 216_000 },
  ])('is taken: %j', (face) => expect(parse({ ...URLS, face }).voices[0]!.face).toEqual(face))
  test.each(['/etc/passwd', '../a', 'a/../b', 'a//b', 'a/', '', 'a/.b', 'ü.mp4'])(
    'output.key %j, which could leave the prefix',
    (key) => expect(fields({ ...URLS, output: { key } })).toEqual(['output.key']),
  )
  test.each([`d/${'x'.repeat(201)}`, 'a.mp4.json'])(
    'output.key %j, which could not be stored, or be taken for another one’s side-car',
    (key) => expect(fields({ ...URLS, output: { key } })).toEqual(['output.key']),
  )
  test('parts of a key may be as long as an id', () => {
    const key = `${'d'.repeat(200)}/${'x'.repeat(196)}.mp4`
    expect(objectName(parse({ ...URLS, output: { key } }))).toBe(key)
  })
  test.each([[[]], [[URLS]]])('a list: %j', (payload) => {
    expect(() => parse(payload)).toThrow('the job is not valid: it is a list')
  })
  test('a header cannot be smuggled into the object’s disposition', () => {
    const output = { disposition: 'attachment\r\nx-evil: 1' }
    expect(fields({ ...URLS, output })).toEqual(['output.disposition'])
  })
  test('both names of one input', () => {
    expect(fields({ ...URLS, video: URLS.video_url })).toEqual(['video'])
  })
  test.each([
    ...['file:///etc/passwd', '/etc/passwd', 'ftp://a.example/a', 'data:video/mp4,x'],
    ...[
      'gopher://a.example/',
      'http://user:pass@a.example/',
      `http://a.example/${'a'.repeat(65_536)}`,
    ],
  ])('an input at %.40s', (url) => {
    expect(fields({ video_url: url, audio_url: url })).toEqual(['video_url', 'audio_url'])
  })
})

describe('what no honest JSON has is refused by its place', () => {
  test('NUL characters', () => {
    expect(fields({ ...URLS, id: 'a\0b' })).toEqual(['id'])
    expect(fields({ ...URLS, metadata: { a: ['x\0'] } })).toEqual(['metadata.a.0'])
    expect(fields({ ...URLS, 'a\0': 1 })).toEqual(['a\\0'])
  })
  test('lone surrogates', () => {
    const job: unknown = JSON.parse(`{"metadata":{"t":"\\ud800"}}`)
    expect(fields({ ...URLS, ...(job as object) })).toEqual(['metadata.t'])
  })
  test.each(['__proto__', 'constructor', 'prototype'])('%s, wherever it is', (name) => {
    const text = JSON.stringify(URLS).slice(0, -1)
    expect(fields(JSON.parse(`${text},"${name}":{"force":true}}`))).toEqual([name])
    const deep = JSON.parse(`${text},"metadata":{"a":{"${name}":1}}}`) as unknown
    expect(fields(deep)).toEqual([`metadata.a.${name}`])
    expect(({} as Record<string, unknown>)['force']).toBeUndefined()
  })
  test('a depth of 10 000', () => {
    const deep = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) as unknown
    expect(problems({ ...URLS, metadata: { deep } })[0]).toContain('deeper than 32 levels')
    expect(problems(deep)[0]).toContain('deeper than 32 levels')
  })
  test('things that JSON has no form for', () => {
    expect(fields({ ...URLS, metadata: { n: 1n } })).toEqual(['metadata.n'])
    expect(fields({ ...URLS, metadata: { f: () => 1 } })).toEqual(['metadata.f'])
    expect(fields({ ...URLS, metadata: { d: new Date() } })).toEqual(['metadata.d'])
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    expect(problems({ ...URLS, metadata: loop }).length).toBeGreaterThan(0)
  })
  test('ten megabytes, with a short message', () => {
    const names = Object.fromEntries(
      Array.from({ length: 400_000 }, (_, i) => [`field${i}`, 'xxx']),
    )
    expect(problems(names)).toEqual([': has too many fields'])
    expect(problems({ ...URLS, face: Array(1_000_000).fill('xxxxxxx') })).toHaveLength(1)
    expect(problems({ ...URLS, ['x'.repeat(1e7)]: 1 })).toHaveLength(1)
    expect(problems({ ...URLS, id: 'x'.repeat(1e7) })).toHaveLength(1)
  })
})

describe('paths', () => {
  const files = { allowFileInputs: true }
  test('are inputs only where the worker allows it', () => {
    const job = parse({ video: 'clips/a.mp4', audio: 'file:///tmp/a.wav' }, files)
    expect(job).toMatchObject({
      video_url: 'clips/a.mp4',
      voices: [{ audio_url: 'file:///tmp/a.wav' }],
    })
  })
  test('do not open other schemes', () => {
    const job = { video: 'ftp://a.example/a', audio: 'data:audio/wav,x' }
    expect(problems(job, files)).toHaveLength(2)
  })
  test('are never where events go', () => {
    expect(problems({ ...URLS, webhook: 'file:///tmp/x' }, files)).toHaveLength(1)
  })
})

describe('the legacy worker’s aspect_ratio and resolution', () => {
  const sent = { ...URLS, aspect_ratio: '1:1', resolution: '512x512' }
  test('are ignored, whatever they say', () => {
    expect(parse(sent).frame).toEqual({ fit: 'source' })
    expect(parse({ ...sent, aspect_ratio: 'wide', resolution: '1080p' }).frame).toEqual({
      fit: 'source',
    })
  })
  test('count where the job has a fit', () => {
    const output = { fit: 'cover' }
    expect(parse({ ...sent, output }).frame).toEqual({ fit: 'cover', width: 512, height: 512 })
    const shape = { ...URLS, aspect_ratio: '9:16', output }
    expect(parse(shape).frame).toEqual({ fit: 'cover', ratio: 9 / 16 })
  })
  test('count where the operator says so, unless the job says otherwise', () => {
    const rules: ParseOptions = { allowFileInputs: false, fitOutput: 'requested' }
    expect(parse(sent, rules).frame).toEqual({ fit: 'contain', width: 512, height: 512 })
    expect(parse({ ...sent, output: { fit: 'source' } }, rules).frame).toEqual({ fit: 'source' })
    expect(parse(URLS, rules).frame).toEqual({ fit: 'source' })
  })
  test('become even', () => {
    const job = { ...URLS, resolution: '513x301', output: { fit: 'stretch' } }
    expect(parse(job).frame).toEqual({ fit: 'stretch', width: 512, height: 300 })
  })
  test.each([
    ['resolution', '1080p'],
    ['resolution', '8x8'],
    ['resolution', '99999x99999'],
    ['aspect_ratio', '9/16'],
    ['aspect_ratio', '1:0'],
    ['aspect_ratio', '100:1'],
  ])('are refused where they count and make no sense: %s %s', (field, value) => {
    expect(fields({ ...URLS, [field]: value, output: { fit: 'contain' } })).toEqual([field])
  })
  test('must be there where the job wants to be fitted', () => {
    expect(fields({ ...URLS, output: { fit: 'contain' } })).toEqual(['output.fit'])
  })
})

describe('the JSON Schema comes from the same source', () => {
  const schema = jobJsonSchema() as {
    properties: Record<string, Record<string, unknown>>
    additionalProperties: boolean
    required: string[]
  }
  test('and has the same fields, closed', () => {
    expect(schema.additionalProperties).toBe(false)
    expect(Object.keys(schema.properties)).toEqual([
      ...['id', 'musetalk_job_id', 'video_url', 'video', 'video_base64', 'audio_url', 'audio'],
      ...[
        'audio_base64',
        ...['face', 'trim', 'speech', 'segments', 'faces', 'sound', 'loudness'],
        'length',
        'sync_mode',
        'loop_cut',
        'silence',
        'fps',
        'mask',
        'compat',
        'output',
        'split',
        'part',
        'aspect_ratio',
        'resolution',
        'webhook',
      ],
      ...['metadata', 'force', 'seed', 'params'],
    ])
  })
  test('with defaults, limits and descriptions', () => {
    expect(schema.properties['fps']).toMatchObject({ type: 'number', minimum: 5, maximum: 120 })
    expect(schema.properties['length']).toMatchObject({ default: 'audio' })
    expect(schema.properties['face']!['description']).toContain('Which face')
    expect(JSON.stringify(schema.properties['webhook'])).toContain('"format":"uri"')
  })
})
