import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { submitCommand } from '../../../../runtime/cli/commands/submit.ts'
import { executeCommandLine } from '../../../../runtime/cli/execute.ts'

const file = fileURLToPath(import.meta.url)
const media = ['--video', file, '--audio', file]

/** What a call that reaches nobody answers. */
async function call(args: string[], env: Record<string, string> = {}) {
  let out = ''
  const terminal = { out: (text: string) => (out += text), err: () => {} }
  const status = await executeCommandLine(['submit', '--json', ...args], [submitCommand], env, {
    ...{ ...terminal, isTTY: false, columns: 80 },
  })
  return { status, ...(JSON.parse(out) as { code: string; message: string }) }
}

const REDIS = 'redis://127.0.0.1:1'

test.each([
  ['two places', ['--worker', 'http://a.example', '--runpod', 'ep', ...media], /take one/],
  [
    'no file',
    ['--worker', 'http://a.example', '--video', 'none', '--audio', file],
    /no file "none"/,
  ],
  ['no URL of a worker', ['--worker', 'gpu-1:8000', ...media], /needs an http or https URL/],
  ['no URL of Redis', ['--redis', 'localhost', ...media], /--redis must be redis:/],
  ['no key of RunPod', ['--runpod', 'ep', ...media], /RUNPOD_API_KEY/],
  ['no bucket for files', ['--redis', REDIS, ...media], /by a bucket/],
  ['a queue of nowhere', ['--queue', 'q', ...media], /--redis, or REDIS_URL/],
])('%s is told before anything is sent', async (_, args, message) => {
  expect(await call(args)).toMatchObject({
    ...{ status: 2, code: 'USAGE', message: expect.stringMatching(message) },
  })
})

test('a job that is wrong is told field by field before anything is sent', async () => {
  const { status, code, message } = await call([...media, '--crf', '99'])
  expect([status, code]).toEqual([2, 'INVALID_JOB'])
  expect(message).toContain('output.crf')
})

test('an environment with the nodes of a cluster must keep its keys together', async () => {
  const env = { REDIS_URL: 'redis://127.0.0.1:1,redis://127.0.0.1:2' }
  expect(await call(media, env)).toMatchObject({ status: 2, code: 'INVALID_ENVIRONMENT' })
})
