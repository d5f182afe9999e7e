import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { JobSchema } from '../../../handler/job/job-schema.ts'
import { parseJob } from '../../../handler/job/parse-job.ts'

const page = readFileSync(new URL('../../../docs/job.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/^```json\n(.*?)^```/gms)].map(([, text]) => text!)

test('the page has examples', () => expect(examples.length).toBeGreaterThanOrEqual(3))

test.each(examples)('a job of docs/job.md is one: %.60s', (text) => {
  const job = parseJob(JSON.parse(text), 'j', { allowFileInputs: false })
  expect(job.voices.length).toBeGreaterThan(0)
})

test('the page names every field of a job, and no other', () => {
  const fields = Object.keys(JobSchema.entries).toSorted()
  const firsts = [...page.matchAll(/^\| (`.*?) \| /gm)].map(([, cell]) => cell!)
  const shown = firsts.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!))
  const aliases = ['musetalk_job_id']
  const named = new Set([...shown, ...aliases])
  expect(fields.filter((field) => !named.has(field))).toEqual([])
  expect(shown.filter((field) => !fields.includes(field))).toEqual([])
})
