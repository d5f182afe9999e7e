import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../../runtime/config/config.ts'
import { JobSchema } from '../../../handler/job-schema.ts'

const root = resolve(import.meta.dirname, '../../..')
const readme = await readFile(join(root, 'README.md'), 'utf8')
const section = (title: string) => readme.split(`## ${title}\n`)[1]!.split('\n## ')[0]!
/** Words in backticks in the first column of a section's table. */
const rows = (title: string) =>
  section(title)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...line.split(' | ')[0]!.matchAll(/`([\w]+)`/g)].map(([, name]) => name!))

test('the README names every variable that is read, and no other', async () => {
  const source = await readFile(join(root, 'runtime/config/config.ts'), 'utf8')
  const read = source.split('const Env = v.object({')[1]!.split('\n})')[0]!
  const known = [...read.matchAll(/^ {2}([A-Z][A-Z0-9_]*):/gm)].map(([, name]) => name!)
  expect(known.length).toBeGreaterThan(40)
  const shown = new Set(
    [...section('Configuration').matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, n]) => n),
  )
  expect(known.filter((name) => !shown.has(name))).toEqual([])
  expect(rows('Configuration').filter((name) => !known.includes(name))).toEqual([])
  expect(readConfig({}).QUEUE_LIMIT).toBe(16)
})

test('the README names every field of a job, and no other', () => {
  const fields = Object.keys(JobSchema.entries).toSorted()
  const shown = new Set(rows('The job'))
  const aliases = ['musetalk_job_id']
  expect(fields.filter((field) => !shown.has(field) && !aliases.includes(field))).toEqual([])
  expect([...shown].filter((field) => !fields.includes(field))).toEqual([])
})

test('the README says of every error what its page says', async () => {
  const page = await readFile(join(root, 'docs/errors.md'), 'utf8')
  const table = (text: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) =>
        line
          .split('|')
          .slice(1, 4)
          .map((cell) => cell.trim()),
      )
  expect(table(section('Errors')).length).toBeGreaterThan(15)
  expect(table(section('Errors'))).toEqual(table(page))
})
