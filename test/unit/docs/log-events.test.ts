import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const source = globSync('{handler,models,runtime}/**/*.ts', { cwd: root }).map(read).join('\n')

/** `log.warn('event'` and `log[level]('event'`; an event of a template stands for those it can make. */
const CALL = /\blog(?:\.(debug|info|warn|error)|\[.*?\])\(\s*(?:'([^']+)'|`([^`$]+)\$)/g
/** What the models tell, which do not know the log. */
const WARNING = /\bonWarning(?:\?\.)?\(\s*'([^']+)'/g
const warnings = [...source.matchAll(WARNING)].map(([, event]) => ({ level: 'warn', event }))
const logged = [...source.matchAll(CALL)].map(([, level, event, start]) => ({
  level,
  event,
  start,
}))
const calls = [...logged, ...warnings.map((call) => ({ ...call, start: undefined }))]
const events = new Set(calls.flatMap(({ event }) => event ?? []))
const starts = calls.flatMap(({ start }) => start ?? [])
const rows = [...read('docs/metrics.md').matchAll(/^\| `([a-z_.]+)` \| ([a-z, ]+) \|/gm)]
  .map(([, event, levels]) => ({ event: event!, levels: levels! }))
  .filter(({ event }) => !event.startsWith('musetalk_'))
const listed = new Set(rows.map(({ event }) => event))

// Who watches a worker filters by these names: they change with the page, or not at all.
test('the page has every event of the log', () => {
  expect(events.size).toBeGreaterThan(60)
  expect(warnings.length).toBeGreaterThan(4)
  expect([...events].filter((event) => !listed.has(event)).toSorted()).toEqual([])
  expect(starts.filter((start) => !rows.some(({ event }) => event.startsWith(start)))).toEqual([])
})

test('every event of the page is logged', () => {
  const isLogged = (event: string) =>
    events.has(event) || starts.some((start) => event.startsWith(start))
  expect([...listed].filter((event) => !isLogged(event))).toEqual([])
})

test('the page has the levels at which they are logged', () => {
  const wrong = calls.filter(({ event, level }) => {
    const levels = rows.find((row) => row.event === event)?.levels
    return level && levels && !levels.includes(level)
  })
  expect(wrong).toEqual([])
})
