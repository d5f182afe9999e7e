import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

test.each(['run', 'long', 'parity'])(
  'every test that .ci/%s names is there: a filter that finds nothing fails nothing',
  (script) => {
    const text = readFileSync(`${ROOT}.ci/${script}`, 'utf8')
    const named = text.match(/(?<![\w/])test\/[\w./-]+/g) ?? []
    const missing = named.filter((path) => globSync(`${path}*`, { cwd: ROOT }).length === 0)
    expect(missing).toEqual([])
    if (script !== 'run') expect(named.length).toBeGreaterThan(1)
  },
)
