import { expect, test } from 'vitest'
import { createTrustedFetch } from '../../../handler/net/guarded-fetch.ts'
import { createOrchestratorClient } from '../../../runtime/sources/orchestrator/client.ts'
import { parseClaim } from '../../../runtime/sources/orchestrator/source.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'

const URLS = { video_url: 'http://media.test/v.mp4', audio_url: 'http://media.test/a.wav' }
const answer = (json: unknown, status = 200) => parseClaim({ status, json, afterMs: undefined })

test('a row of a job has columns of its own, which are no fields of the job', () => {
  const row = { id: 77, musetalk_job_id: 'a', created_at: 'today', webhook: null, ...URLS }
  expect(answer({ job: row })).toEqual([{ id: 'a', payload: { musetalk_job_id: 'a', ...URLS } }])
})

test('jobs that are counted are named by their number', () => {
  const [lease] = answer({ job: { musetalk_job_id: 12, buffer_job_id: 0, ...URLS } })
  expect(lease).toEqual({ id: '12', ref: '0', payload: { musetalk_job_id: '12', ...URLS } })
})

test('a number that no number here can hold keeps its digits', async () => {
  const text = '{"job":{"musetalk_job_id":12345678901234567891,"buffer_job_id": -9007199254740993}}'
  await using server = await webServer((_, response) => void response.end(text))
  const api = createOrchestratorClient(createTrustedFetch(), server.origin, 'k')
  const reply = await api.post('/', {}, { timeoutMs: 5_000 }, new AbortController().signal)
  expect(parseClaim(reply)).toMatchObject([
    { id: '12345678901234567891', ref: '-9007199254740993' },
  ])
})

test('several rows are several jobs', () => {
  const leases = answer({ job: [{ musetalk_job_id: 'a' }, { musetalk_job_id: 'b' }] })
  expect(leases.map(({ id }) => id)).toEqual(['a', 'b'])
})

test('a row whose job has no name fails by the name that the buffer gave to it', () => {
  const why = 'the claim has no musetalk_job_id'
  for (const odd of [undefined, true, {}, '']) {
    expect(answer({ job: { musetalk_job_id: odd, buffer_job_id: 'b1', ...URLS } })).toEqual([
      { id: 'b1', ref: 'b1', payload: undefined, inputError: why },
    ])
  }
})

test('a name with half a character becomes one that a URL can hold', () => {
  const [lease] = answer({ job: { musetalk_job_id: 'a\ud800' } })
  expect(encodeURIComponent(lease!.id)).toBe('a%EF%BF%BD')
})

test('a row that is too large to be read fails by its name', () => {
  const starts = [
    ['{"job": {"musetalk_job_id": "a\\"b", "buffer_job_id" : 7, "thumbnail": "', 'a\\"b', '7'],
    ['{"job":{"x":1,"buffer_job_id":"b1","thumbnail":"', 'b1', 'b1'],
  ] as const
  for (const [start, id, ref] of starts) {
    const leases = parseClaim({ status: 200, json: undefined, start, afterMs: undefined })
    const inputError = 'the claim is larger than 67108864 bytes'
    expect(leases).toEqual([{ id, ref, payload: undefined, inputError }])
  }
  const nameless = { status: 200, json: undefined, start: '{"job":{"x":"', afterMs: undefined }
  expect(() => parseClaim(nameless)).toThrow('something that is no claim of a size')
})

test.each([[{ job: null }], [{}], [{ job: [] }], [{ job: false }]])('no job: %j', (json) =>
  expect(answer(json)).toEqual([]),
)

test.each([
  [undefined],
  [{ job: { musetalk_job_id: '' } }],
  [{ job: { id: 'a' } }],
  [{ job: 'a' }],
])('no answer to a claim: %j', (json) => expect(() => answer(json)).toThrow('something that is no'))
