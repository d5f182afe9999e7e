import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { Env, readConfig } from '../../../runtime/config/config.ts'
import {
  describeEnvironment,
  formatEnvironmentFile,
  formatEnvironmentPage,
} from '../../../runtime/config/environment-reference.ts'

const root = resolve(import.meta.dirname, '../../..')
const variables = describeEnvironment().flatMap((group) => group.variables)

test('every variable that is read is described once, and no other', () => {
  expect(variables.map(({ name }) => name).toSorted()).toEqual(Object.keys(Env.entries).toSorted())
})

test('every description says something', () => {
  expect(variables.filter(({ meaning }) => meaning === '')).toEqual([])
})

// `npm test -- -u test/unit/docs/configuration.test.ts` writes both files anew.
test('docs/configuration.md is what the code says', async () => {
  await expect(formatEnvironmentPage(describeEnvironment())).toMatchFileSnapshot(
    resolve(root, 'docs/configuration.md'),
  )
})
test('.env.example is what the code says, and sets nothing', async () => {
  const file = formatEnvironmentFile(describeEnvironment())
  await expect(file).toMatchFileSnapshot(resolve(root, '.env.example'))
  expect(file.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([])
})

test('the values of .env.example are valid, all at once but for what excludes another', () => {
  const lines = formatEnvironmentFile(describeEnvironment())
    .split('\n')
    .filter((line) => /^#[A-Z]/.test(line))
    .map((line) => line.slice(1).split('='))
  expect(lines.length).toBe(variables.length)
  expect(readConfig(Object.fromEntries(lines))).toMatchObject({ PORT: 8000, DEVICE: 'auto' })
})
