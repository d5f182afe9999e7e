import { expect, test } from 'vitest'
import type { InputError } from '../../../handler/errors.ts'
import { jobJsonSchema } from '../../../handler/job/job-schema.ts'
import { parseJob } from '../../../handler/job/parse-job.ts'

/** Values on the edges of what a field takes, and those that lie just beyond. */
interface Edges {
  taken: readonly unknown[]
  refused: readonly unknown[]
  /** Fields beside it that it needs; else those of its parent. */
  beside?: Record<string, unknown>
  /** Further fields of the job. */
  job?: Record<string, unknown>
}

const HTTP = 'https://a.test/x'
const longUrl = (length: number) => `${HTTP}${'x'.repeat(length - HTTP.length)}`
const text = (length: number) => 'x'.repeat(length)
const LONG_KEY = `${text(200)}/${text(200)}/${text(110)}` // 512
/** An object of so many bytes as JSON. */
const json = (bytes: number) => ({ a: text(bytes - '{"a":""}'.length) })

const input: Edges = {
  taken: [HTTP, 'http://a.test/', 'data:;base64,AAAA', longUrl(8192)],
  refused: ['', null, 7, 'ftp://a.test/x', '/etc/passwd', 'https://u:p@a.test/', longUrl(8193)],
}
const base64: Edges = { taken: ['AAAA', 'AA=='], refused: ['', 'A', '*', 7, null] }
const putUrl: Edges = {
  taken: [HTTP, 'http://a.test/'],
  refused: ['', 'ftp://a.test/x', 7, null, 's3://bucket/key'],
}
const from: Edges = { taken: [0, 0.001, 86_400], refused: [-0.001, 86_400.1, '0', null, Infinity] }
const to: Edges = { taken: [0.001, 86_400], refused: [0, -1, 86_400.1, '1', null, NaN] }
const span: Edges = { taken: [{}, { from: 1 }, { to: 1 }], refused: [[], 2, null, { form: 1 }] }
const box: Edges = {
  taken: [
    [0, 0, 1, 1],
    [-5, -5, 0.5, 0.5],
  ],
  refused: [[0, 0, 0, 1], [0, 1, 1, 1], [0, 0, 1], [0, 0, 1, 1, 1], [0, 0, 1, '1'], null],
}
const point: Edges = { taken: [[0, 0], [1e6, 0.5]], refused: [[-1, 0], [0], [0, 0, 0], null] } // prettier-ignore
const frame: Edges = {
  taken: [0, 216_000],
  refused: [-1, 0.5, 216_001, '0', null],
  beside: { at: [1, 1] },
}
const boxes: Edges = {
  taken: [[null], [[0, 0, 1, 1], null], Array(216_000).fill(null)],
  refused: [[], [[0, 0, 0, 0]], [undefined], Array(216_001).fill(null), null],
}
const face: Edges = {
  taken: ['largest', 'speaking', { box: [0, 0, 1, 1] }],
  refused: ['smallest', '', 7, null, {}, [0, 0, 1, 1], { box: [0, 0, 1, 1], at: [0, 0] }],
}
const id: Edges = {
  taken: ['a', text(200), 'A-z_0.9'],
  refused: ['', text(201), '.a', 'a/b', 'ä', 7, null],
}
const flag: Edges = { taken: [true, false], refused: ['true', 1, null] }
const oneOf = (...taken: string[]): Edges => ({
  taken,
  refused: ['', taken[0]!.toUpperCase(), null, 1, [taken[0]]],
})
const frames = (taken: number[], refused: number[]): Edges => ({
  taken,
  refused: [...refused, -1, 0.5, '1', null],
})
/** A recording of a segment, where the job has none. */
const ofSegment = (edges: Edges): Edges => ({ ...edges, job: { audio_url: undefined } })
/** A recording of a face. */
const ofFace = (edges: Edges): Edges => ({ ...edges, beside: { box: [0, 0, 1, 1] } })

const EDGES: Record<string, Edges> = {
  id,
  musetalk_job_id: id,
  video_url: input,
  video: { ...input, job: { video_url: undefined } },
  video_base64: { ...base64, job: { video_url: undefined } },
  audio_url: input,
  audio: ofSegment(input),
  audio_base64: ofSegment(base64),
  face,
  'face.box': box,
  'face.at': point,
  'face.frame': frame,
  'face.boxes': boxes,
  'face.boxes_url': input,
  trim: span,
  'trim.from': from,
  'trim.to': to,
  speech: span,
  'speech.from': from,
  'speech.to': to,
  segments: {
    taken: [
      [{ from: 0, to: 1 }],
      Array.from({ length: 64 }, (_, i) => ({ from: i, to: i + 1 })), // they may touch
    ],
    refused: [
      ...[[], {}, null, [null]],
      Array.from({ length: 65 }, (_, i) => ({ from: i, to: i + 1 })),
      [{ from: 0, to: 1 }, { from: 0.999, to: 2 }], // prettier-ignore
    ],
  },
  'segments.from': { ...from, taken: [0, 4.999], refused: [-0.001, 5, '0', null, undefined] },
  'segments.to': { ...to, refused: [...to.refused, undefined] },
  'segments.audio_url': ofSegment(input),
  'segments.audio': ofSegment(input),
  'segments.audio_base64': ofSegment(base64),
  'segments.speech': span,
  'segments.speech.from': from,
  'segments.speech.to': to,
  'segments.face': face,
  'segments.face.box': box,
  'segments.face.at': point,
  'segments.face.frame': frame,
  'segments.face.boxes': boxes,
  'segments.face.boxes_url': input,
  faces: {
    taken: [Array.from({ length: 8 }, (_, i) => ({ at: [i, 0], audio_url: HTTP }))],
    refused: [
      ...[[], {}, null, [null]],
      Array.from({ length: 9 }, (_, i) => ({ at: [i, 0], audio_url: HTTP })),
    ],
    job: { audio_url: undefined },
  },
  'faces.box': { ...box, beside: { audio_url: HTTP } },
  'faces.at': { ...point, beside: { audio_url: HTTP } },
  'faces.frame': { ...frame, beside: { at: [1, 1], audio_url: HTTP } },
  'faces.audio_url': ofFace(input),
  'faces.audio': ofFace(input),
  'faces.audio_base64': ofFace(base64),
  'faces.speech': span,
  'faces.speech.from': from,
  'faces.speech.to': to,
  sound: { taken: ['replace', 'keep'], refused: ['mix', null, -12, {}, []] },
  'sound.keep_db': { taken: [-60, -12.5, 0], refused: [-60.1, 0.1, '0', null, NaN] },
  loudness: { taken: [-36, -8], refused: [-36.1, -7.9, '-16', null, NaN] },
  length: oneOf('audio', 'video', 'shortest', 'longest', 'loop', 'remap'),
  sync_mode: oneOf('bounce', 'loop', 'cut_off', 'silence', 'remap'),
  loop_cut: { ...oneOf('hard', 'soft'), job: { length: 'loop' } },
  silence: oneOf('model', 'source'),
  fps: { taken: [5, 23.976, 120], refused: [4.999, 120.001, '25', null, NaN, Infinity] },
  mask: oneOf('jaw', 'raw', 'neck'),
  compat: oneOf('reference'),
  output: { taken: [{}], refused: [[], null, 'mp4', { three: 3 }] },
  'output.url': putUrl,
  'output.key': {
    taken: ['a', 'a/b.mp4', `${text(196)}.mp4`, LONG_KEY],
    refused: [
      '',
      'a/',
      '/a',
      'a//b',
      '../a',
      'a/.b',
      'ä',
      text(201),
      `${LONG_KEY}x`,
      'a.json',
      7,
      null,
    ],
  },
  'output.fit': {
    ...oneOf('source', 'contain', 'cover', 'stretch'),
    job: { aspect_ratio: '9:16' },
  },
  'output.format': oneOf('mp4', 'webm', 'mov'),
  'output.codec': oneOf('h264', 'hevc', 'av1'),
  'output.crf': { taken: [10, 35], refused: [9, 36, 17.5, '17', null] },
  'output.bitrate': {
    taken: [50, 200_000, 'source'],
    refused: [49, 200_001, 50.5, '500', null],
  },
  'output.lossless': flag,
  'output.stream': flag,
  'output.poster': { taken: [true, false, {}], refused: ['yes', 1, null, [], { when: 1 }] },
  'output.poster.at': { taken: [0, 1.5, 1e6], refused: [-0.1, 1_000_001, '0', null] },
  'output.poster.url': putUrl,
  'output.preview': { taken: [true, false, {}], refused: ['yes', 1, null, [], { size: 1 }] },
  'output.preview.format': oneOf('webp', 'gif'),
  'output.preview.frames': frames([2, 24], [1, 25]),
  'output.preview.width': frames([64, 640], [63, 641]),
  'output.preview.url': putUrl,
  'output.provenance': flag,
  'output.disposition': {
    taken: ['', 'inline', text(256)],
    refused: [text(257), 'ä', 'a\nb', 7, null],
  },
  split: { taken: [{ seconds: 60 }], refused: [60, {}, null, { seconds: 60, parts: 2 }] },
  'split.seconds': { taken: [5, 3600], refused: [4.9, 3600.1, '60', null] },
  part: { taken: [{ from: 0, to: 1, total: 1, source_frames: 1 }], refused: [{}, null, 3] },
  'part.from': frames([0, 8], [9]),
  'part.to': frames([1, 99], [0, 100]),
  'part.total': frames([9, 1e6], [8]),
  'part.source_frames': frames([0, 1e6], []),
  aspect_ratio: {
    taken: ['1:10', '10:1', '2.39:1'],
    refused: ['1:10.1', '10.1:1', '0:1', '1:0', '16/9', text(65), 1, null],
    job: { output: { fit: 'cover' } },
  },
  resolution: {
    taken: ['16x16', '8192x8192', '1080x1920'],
    refused: ['15x16', '16x8193', '1080', '1080X1920', text(65), 512, null],
    job: { output: { fit: 'cover' } },
  },
  webhook: { taken: [HTTP, { url: HTTP }], refused: ['', 'ftp://a.test', 7, null, {}, []] },
  'webhook.url': { taken: [HTTP], refused: ['', 'ftp://a.test', 7, null, undefined] },
  'webhook.events': {
    taken: [['job.started'], ['job.progress', 'job.succeeded', 'job.failed', 'job.canceled']],
    refused: [[], ['job.done'], 'job.started', null],
    beside: { url: HTTP },
  },
  metadata: { taken: [{}, json(4096)], refused: [json(4097), [], 'a', null] },
  force: flag,
  seed: { taken: [0, -1, 1.5, null], refused: ['7', NaN, {}] },
  params: { taken: [{}, json(65_536), null], refused: [json(65_537), [], 'a'] },
}

const LISTS = ['segments', 'faces']
const BESIDE: Record<string, Record<string, unknown>> = {
  segments: { from: 0, to: 5 },
  faces: { box: [0, 0, 1, 1], audio_url: HTTP },
  part: { from: 0, to: 9, total: 99, source_frames: 99 },
}

/** The least job in which a field has a value. */
function jobWith(path: string, value: unknown, { beside, job }: Edges): Record<string, unknown> {
  const names = path.split('.')
  const [top] = names as [string]
  const nested = names.toReversed().reduce((inner: unknown, name, i) => {
    const own = { [name]: inner }
    const parent = names[names.length - i - 2]
    if (parent === undefined) return own
    const siblings = i === 0 ? (beside ?? BESIDE[parent]) : BESIDE[parent]
    const whole = { ...siblings, ...own }
    return LISTS.includes(parent) ? [whole] : whole
  }, value)
  const isSpoken = top !== 'faces'
  const inputs = { video_url: HTTP, ...(isSpoken && { audio_url: HTTP }) }
  const given: Record<string, unknown> = { ...inputs, ...job, ...(nested as object) }
  return Object.fromEntries(Object.entries(given).filter(([, one]) => one !== undefined))
}

/** Which fields a job is refused for. */
function refusalOf(job: unknown): string[] {
  try {
    parseJob(job, undefined, { allowFileInputs: false })
    return []
  } catch (error) {
    return (error as InputError).problems.map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    )
  }
}

interface Schema {
  properties?: Record<string, Schema>
  items?: Schema | Schema[]
  anyOf?: Schema[]
}

function* fieldsOf(schema: Schema, path: string[] = []): Generator<string> {
  for (const one of [schema, ...(schema.anyOf ?? [])]) {
    for (const [name, field] of Object.entries(one.properties ?? {})) {
      yield [...path, name].join('.')
      yield* fieldsOf(field, [...path, name])
    }
    if (one.items && !Array.isArray(one.items)) yield* fieldsOf(one.items, path)
  }
}

test('every field that a job may have, down to the last, has its edges here', () => {
  const all = new Set(fieldsOf(jobJsonSchema() as Schema))
  expect(Object.keys(EDGES).toSorted()).toEqual([...all].toSorted())
})

test.each(Object.entries(EDGES))('%s', (path, edges) => {
  for (const value of edges.taken) {
    const said = JSON.stringify(value)?.slice(0, 80)
    expect(refusalOf(jobWith(path, value, edges)), `${said} is taken`).toEqual([])
  }
  const [top] = path.split('.') as [string]
  for (const value of edges.refused) {
    const said = JSON.stringify(value)?.slice(0, 80)
    const refusal = refusalOf(jobWith(path, value, edges))
    expect(refusal[0], `${said} is refused`).toMatch(new RegExp(`^${top}\\b`))
  }
})
