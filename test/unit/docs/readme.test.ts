import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  CanceledError,
  InputError,
  UpstreamError,
  WorkerError,
  type ErrorCode,
  type JobError,
} from '../../../handler/errors.ts'
import { JobSchema } from '../../../handler/job/job-schema.ts'

const root = resolve(import.meta.dirname, '../../..')
const read = (path: string) => readFile(join(root, path), 'utf8')
const rows = (page: string) =>
  page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\|/, '').trim()))

test('the README is short enough to be read', async () => {
  expect((await read('README.md')).split('\n').length).toBeLessThan(151)
})

test('docs/job.md names every field of a job, and no other', async () => {
  const fields = Object.keys(JobSchema.entries).toSorted()
  const shown = new Set(
    rows(await read('docs/job.md')).flatMap(([first]) =>
      [...first!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
    ),
  )
  const aliases = ['musetalk_job_id']
  expect(fields.filter((field) => !shown.has(field) && !aliases.includes(field))).toEqual([])
  expect([...shown].filter((field) => !fields.includes(field))).toEqual([])
})

test('docs/errors.md says of every error who must act and whether a retry can help', async () => {
  const one = {
    INVALID_JOB: new InputError('INVALID_JOB', ''),
    BLOCKED_URL: new InputError('BLOCKED_URL', ''),
    MEDIA_UNREADABLE: new InputError('MEDIA_UNREADABLE', ''),
    MEDIA_TOO_LARGE: new InputError('MEDIA_TOO_LARGE', ''),
    MEDIA_TOO_LONG: new InputError('MEDIA_TOO_LONG', ''),
    MEDIA_TOO_SMALL: new InputError('MEDIA_TOO_SMALL', ''),
    NO_FACE: new InputError('NO_FACE', ''),
    JOB_CONFLICT: new InputError('JOB_CONFLICT', ''),
    DOWNLOAD_FAILED: new UpstreamError('DOWNLOAD_FAILED', ''),
    UPLOAD_FAILED: new UpstreamError('UPLOAD_FAILED', ''),
    OUT_OF_MEMORY: new WorkerError('OUT_OF_MEMORY', ''),
    DISK_FULL: new WorkerError('DISK_FULL', ''),
    MODEL_BROKEN: new WorkerError('MODEL_BROKEN', ''),
    ENGINE_LOST: new WorkerError('ENGINE_LOST', ''),
    FFMPEG_MISSING: new WorkerError('FFMPEG_MISSING', ''),
    BUSY: new WorkerError('BUSY', ''),
    BUG: new WorkerError('BUG', ''),
    CANCELED: new CanceledError('CANCELED', ''),
    DEADLINE: new CanceledError('DEADLINE', ''),
    SHUTDOWN: new CanceledError('SHUTDOWN', ''),
  } satisfies Record<ErrorCode, JobError>
  const expected = Object.values(one).map(({ code, fault, retryable }) => [
    `\`${code}\``,
    fault,
    retryable ? 'yes' : 'no',
  ])
  const [codes] = (await read('docs/errors.md')).split('## Exit status')
  expect(rows(codes!).map((row) => row.slice(0, 3))).toEqual(expected)
})

describe('links', async () => {
  const pages = [
    'README.md',
    'llms.txt',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    ...(await readdir(join(root, 'docs'), { recursive: true }))
      .filter((name) => name.endsWith('.md') && !name.startsWith('.vitepress'))
      .map((name) => `docs/${name}`),
  ]
  const anchorOf = (heading: string) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-')
  test.each(pages)('of %s lead somewhere', async (page) => {
    const text = await read(page)
    const dead = []
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const [path, anchor] = target!.split('#') as [string, string?]
      const file = path === '' ? page : join(dirname(page), path)
      if (!existsSync(join(root, file))) dead.push(target)
      else if (anchor !== undefined) {
        const headings = [...(await read(file)).matchAll(/^#+ (.*)$/gm)].map(([, h]) =>
          anchorOf(h!),
        )
        if (!headings.includes(anchor)) dead.push(target)
      }
    }
    expect(dead).toEqual([])
  })
  test('lead from the README to every page', async () => {
    const readme = await read('README.md')
    expect(pages.slice(2).filter((page) => !readme.includes(`](${page})`))).toEqual([])
  })
})
