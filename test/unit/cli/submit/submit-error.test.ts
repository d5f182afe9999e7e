import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { failureFromText, FAULTS } from '../../../../runtime/cli/submit/submit-error.ts'
import { InputError, WorkerError } from '../../../../handler/errors.ts'
import { runpodError } from '../../../../runtime/runpod/error.ts'

test('who must act is what the page about errors says', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/errors.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\w+) \|/gm)].map(([, ...row]) => row)
  expect(Object.fromEntries(rows)).toEqual(FAULTS)
})

test('a failure is read from what queues have: JSON of ours, and both texts of RunPod', () => {
  const lost = new WorkerError('ENGINE_LOST', 'it is gone', { stage: 'generate' })
  const worker = { id: 'w', version: '1' }
  const read = { code: 'ENGINE_LOST', message: 'it is gone', stage: 'generate', retryable: true }
  expect(failureFromText(JSON.stringify(lost)).toJSON()).toEqual(read)
  expect(failureFromText(runpodError(lost, worker)).toJSON()).toEqual(read)
  const noFace = failureFromText(runpodError(new InputError('NO_FACE', 'there: none'), worker))
  expect(noFace).toMatchObject({ code: 'NO_FACE', message: 'there: none', fault: 'caller' })
})

test('any other text is what happened', () => {
  const stalled = 'job stalled more than allowable limit'
  expect(failureFromText(stalled)).toMatchObject({ code: 'UNKNOWN', message: stalled })
  expect(failureFromText('{"a":1}')).toMatchObject({ code: 'UNKNOWN', fault: 'worker' })
  expect(failureFromText('').message).not.toBe('')
})
