import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { jobOf } from '../../../runtime/cli/job-options.ts'

const root = await mkdtemp(join(tmpdir(), 'job-options-'))
afterAll(() => rm(root, { recursive: true }))

async function read(content: string) {
  const job = join(root, 'job.json')
  await writeFile(job, content)
  return jobOf({ job, audio: 'voice.wav' }, undefined)
}

test('the options beside a job file win, and it may begin with a byte order mark', async () => {
  const job = '\uFEFF{"video": "a.mp4", "audio": "other.wav"}'
  expect(await read(job)).toEqual({ video: 'a.mp4', audio: 'voice.wav' })
})

test.each(['null', '[]', '"a.mp4"', '5'])(
  'a job file that holds %s is told so',
  async (content) => {
    await expect(read(content)).rejects.toThrow(`the job file must hold an object, not ${content}`)
  },
)

test('a job file that is no JSON is told so', async () => {
  await expect(read('{')).rejects.toThrow('cannot read the job file')
})
