import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseJob } from '../../../handler/job/parse-job.ts'

const page = readFileSync(new URL('../../../docs/job.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/^```json\n(.*?)^```/gms)].map(([, text]) => text!)

test('the page has examples', () => expect(examples.length).toBeGreaterThanOrEqual(3))

test.each(examples)('a job of docs/job.md is one: %.60s', (text) => {
  const job = parseJob(JSON.parse(text), 'j', { allowFileInputs: false })
  expect(job.voices.length).toBeGreaterThan(0)
})
