import { expect, test } from 'vitest'
import { parseClaim } from '../../../runtime/sources/orchestrator/source.ts'

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

test.each([[{ job: null }], [{}], [{ job: 'a' }]])('no job: %j', (json) =>
  expect(answer(json)).toEqual([]),
)

test.each([[undefined], [{ job: { musetalk_job_id: '' } }], [{ job: { id: 'a' } }]])(
  'no answer to a claim: %j',
  (json) => expect(() => answer(json)).toThrow('something that is no'),
)
