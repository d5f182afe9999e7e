import { describe, expect, test } from 'vitest'
import { heldApp } from '../../helpers/servers/http-app.ts'
import { JOB } from '../../helpers/jobs/controlled-jobs.ts'

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const job = (changes: object) => JSON.stringify({ ...JOB, ...changes })
const withRaw = (name: string, raw: string) =>
  `${JSON.stringify(JOB).slice(0, -1)},"${name}":${raw}}`

/** Payloads that no part of the worker may trip over. */
const HOSTILE: [string, string][] = [
  ['no JSON', '{"video_url": '],
  ['nothing', ''],
  ['a list', '[]'],
  ['a number', '12'],
  ['null', 'null'],
  ['no field at all', '{}'],
  ['an unknown field', job({ color: 'red' })],
  ['a number as a string', job({ fps: '25' })],
  ['a string as a number', job({ video_url: 25 })],
  ['a depth of 10 000', withRaw('metadata', `{"a":${deep(10_000)}}`)],
  ['a depth of 400 000', deep(400_000)],
  ['NUL', job({ metadata: { a: 'x\0y' } })],
  ['half a character', withRaw('metadata', '{"a":"\\ud800"}')],
  ['__proto__', withRaw('__proto__', '{"force":true}')],
  ['__proto__ inside', withRaw('metadata', '{"__proto__":{"a":1}}')],
  ['constructor', withRaw('constructor', '{"prototype":{}}')],
  ['an id that climbs', job({ id: '../../etc/passwd' })],
  ['an id with a slash', job({ id: 'a/b' })],
  ['an id of 4 KB', job({ id: 'a'.repeat(4096) })],
  ['an emoji as an id', job({ id: '🙂' })],
  ['a key that climbs', job({ output: { key: '../x.mp4' } })],
  ['a file as the video', job({ video_url: 'file:///etc/passwd' })],
  ['a path as the video', job({ video_url: '/etc/passwd' })],
  ['ftp', job({ audio_url: 'ftp://media.test/a.wav' })],
  ['data: that is not base64', job({ audio_url: 'data:audio/wav;base64,A' })],
  ['a bucket', job({ audio_url: 's3://media/a.wav' })],
  ['an upload', job({ audio_url: 'upload:0' })],
  ['gopher', job({ audio_url: 'gopher://media.test/' })],
  ['credentials in a URL', job({ video_url: 'https://me:secret@media.test/v.mp4' })],
  ['a URL of 64 KB', job({ video_url: `https://media.test/${'a'.repeat(65_536)}` })],
  ['10 MB', job({ metadata: { a: 'x'.repeat(10_000_000) } })],
]

const codeOf = (body: { error: { code: string } | string }) =>
  typeof body.error === 'string' ? body.error : body.error.code

describe.each(HOSTILE)('a payload with %s', (_, payload) => {
  test('is an INVALID_JOB for /generate and /jobs', async () => {
    const { post, calls } = heldApp()
    for (const path of ['/generate', '/jobs']) {
      const { status, body } = await post(path, payload)
      expect([413, 422]).toContain(status)
      expect(codeOf(body)).toBe('INVALID_JOB')
    }
    expect(calls).toEqual([])
  })

  test('fails as a RunPod job, or is refused', async () => {
    const { post } = heldApp()
    const { status, body } = await post('/v2/local/runsync', `{"input":${payload || '""'}}`)
    expect([200, 400, 413, 422]).toContain(status)
    expect(body.error).toEqual(expect.any(String))
    if (status === 200) expect(body).toMatchObject({ status: 'FAILED' })
  })
})

test('a body of brackets is refused before it is parsed, one of long texts is not', async () => {
  const { app } = heldApp()
  const post = async (body: string) => (await app.request('/jobs', { method: 'POST', body })).status
  expect(await post(`{"a":[${'[],'.repeat(400_000)}1]}`)).toBe(413)
  expect(await post(`{"a":"${'\\"'.repeat(600_000)}"}`)).toBe(413)
  expect(await post(`["${'a","'.repeat(400_000)}"]`)).toBe(413)
  expect(await post(job({ metadata: { a: 'x'.repeat(10_000_000) } }))).toBe(422)
  expect(await post(`{"a":"${'\\\\'.repeat(3_000_000)}"}`)).toBe(422)
})

test('a large body is refused by its announced length, and where it lies about it', async () => {
  const { app } = heldApp()
  const announced = await app.request('/jobs', {
    ...{ method: 'POST', body: '{}', headers: { 'content-length': '16000001' } },
  })
  expect(announced.status).toBe(413)
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(100_000).fill(32)),
  })
  const init = { method: 'POST', body: endless, duplex: 'half' } as RequestInit
  expect((await app.request('/jobs', init)).status).toBe(413)
})

test('a body that ends in the middle is an INVALID_JOB', async () => {
  const { app } = heldApp()
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error('reset')),
  })
  const init = { method: 'POST', body: broken, duplex: 'half' } as RequestInit
  expect((await app.request('/generate', init)).status).toBe(422)
})
