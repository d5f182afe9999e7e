import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobResult } from '../../../../handler/events/job-events.ts'
import type { Destination } from '../../../../runtime/cli/submit/destination.ts'
import { SubmitError } from '../../../../runtime/cli/submit/submit-error.ts'
import { submitJob } from '../../../../runtime/cli/submit/submit-job.ts'

let dir: string
let file: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'submit-'))
  file = join(dir, 'a.wav')
  await writeFile(file, 'x')
})
afterAll(() => rm(dir, { recursive: true }))

const RESULT = { output_url: 'https://a.example/v.mp4' } as JobResult

/** A destination that notes what it is asked. */
function scene(own: Partial<Destination> = {}) {
  const asked: string[] = []
  const stop = new AbortController()
  const destination: Destination = {
    name: 'somebody',
    sendFile: async (path) => {
      asked.push(`send ${path}`)
      return { address: 'upload:1', remove: async () => void asked.push('remove') }
    },
    submit: async ({ audio }) => {
      asked.push(`submit ${String(audio)}`)
      return 'j'
    },
    follow: async () => RESULT,
    cancel: async (id) => void asked.push(`cancel ${id}`),
    videoRequest: () => ({ url: '' }),
    [Symbol.asyncDispose]: async () => {},
    ...own,
  }
  const notes: string[] = []
  const shown: string[] = []
  const submitted = () =>
    submitJob({
      job: { video: 'https://a.example/v', audio: file },
      ...{ destination, signal: stop.signal, onNote: (text) => notes.push(text) },
      onProgress: ({ status, phase }) => shown.push(`${status} ${phase}`),
    })
  return { asked, notes, shown, stop, submitted }
}

test('files are sent, named in the job, and removed when it has ended', async () => {
  const { asked, submitted, shown } = scene()
  expect(await submitted()).toEqual({ id: 'j', result: RESULT })
  expect(asked).toEqual([`send ${file}`, 'submit upload:1', 'remove'])
  expect(shown.at(-1)).toBe('succeeded succeeded')
})

test('a job that fails ends so', async () => {
  const failure = new SubmitError({ code: 'NO_FACE', message: 'none', retryable: false })
  const { asked, submitted, shown } = scene({ follow: () => Promise.reject(failure) })
  await expect(submitted()).rejects.toBe(failure)
  expect([asked.at(-1), shown.at(-1)]).toEqual(['remove', 'failed failed'])
})

describe('stopped', () => {
  const until = (_id: string, _told: unknown, signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

  test('it cancels the job, and removes the files then', async () => {
    const { asked, submitted, stop } = scene({ follow: until })
    const ended = submitted()
    await expect.poll(() => asked).toContain('submit upload:1')
    stop.abort(new Error('enough'))
    await expect(ended).rejects.toThrow('enough')
    expect(asked.slice(-2)).toEqual(['cancel j', 'remove'])
  })

  test('while the job is sent, it cancels it once its id is known', async () => {
    const { asked, submitted, stop } = scene({
      submit: async () => {
        stop.abort(new Error('enough'))
        return 'j'
      },
    })
    await expect(submitted()).rejects.toThrow('enough')
    expect(asked).toEqual([`send ${file}`, 'cancel j', 'remove'])
  })

  test('without an answer, it says that the job goes on, and leaves it its files', async () => {
    const { asked, notes, submitted, stop } = scene({
      follow: until,
      cancel: () => Promise.reject(new Error('nobody is there')),
    })
    const ended = submitted()
    await expect.poll(() => asked).toContain('submit upload:1')
    stop.abort(new Error('enough'))
    await expect(ended).rejects.toThrow('enough')
    expect(asked).not.toContain('remove')
    expect(notes.at(-1)).toContain('goes on: nobody is there')
  })
})

test('a job of which nothing is heard any more keeps its files', async () => {
  const silence = new SubmitError({ code: 'UNREACHABLE', message: 'nothing', retryable: true })
  const { asked, submitted } = scene({ follow: () => Promise.reject(silence) })
  await expect(submitted()).rejects.toBe(silence)
  expect(asked).not.toContain('remove')
})
