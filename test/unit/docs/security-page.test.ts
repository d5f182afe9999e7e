import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')
const page = readFileSync(join(root, 'docs/security.md'), 'utf8')

test('every promise of the security page names tests that are there', () => {
  const promises = page
    .split('\n')
    .filter((line) => /^\| .*\|.*\|.*\|$/.test(line) && !/^\| (threat|fault|what) |^\|-/.test(line))
  expect(promises.length).toBeGreaterThan(20)
  for (const line of promises) {
    const named = [...line.matchAll(/`(test\/[\w./-]+)`/g)].map(([, path]) => path!)
    expect(named, line).not.toEqual([])
    for (const path of named) expect(existsSync(join(root, path)), path).toBe(true)
  }
})
