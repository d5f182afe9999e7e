import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createMetrics } from '../../../runtime/worker/metrics.ts'

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')

const text = await createMetrics({
  version: '1.2.3',
  counts: () => ({ queued: 0, running: 0 }),
  engines: () => [{ index: 0, state: 'ready', device: 'cpu', jobs: 0, restarts: 0, rss_mb: 1 }],
  sourceReachable: () => true,
}).text()
const kinds = new Map(
  [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, kind]) => [name!, kind!]),
)

test('the page has every metric, with its kind', () => {
  const rows = [...read('docs/metrics.md').matchAll(/^\| `(musetalk_\w+)` \| (\w+) \|/gm)]
  expect(new Map(rows.map(([, name, kind]) => [name!, kind!]))).toEqual(kinds)
})

test('names follow the conventions of Prometheus', () => {
  for (const [name, kind] of kinds) {
    expect(name, name).toMatch(/^musetalk_[a-z]+(_[a-z]+)*$/)
    expect(name.endsWith('_total'), name).toBe(kind === 'counter')
    expect(name, 'base units').not.toMatch(/_(ms|milliseconds|minutes|mb|kb|percent)(_|$)/)
  }
})

test.each(['deploy/prometheus/alerts.yaml', 'deploy/grafana/musetalk-worker.json'])(
  '%s names metrics that there are',
  (file) => {
    const named = [...read(file).matchAll(/\bmusetalk_[a-z_]+/g)].map(([name]) => name)
    const isThere = (name: string) =>
      kinds.has(name) ||
      ['_bucket', '_sum', '_count'].some(
        (end) => name.endsWith(end) && kinds.get(name.slice(0, -end.length)) === 'histogram',
      )
    expect(named.length).toBeGreaterThan(6)
    expect(named.filter((name) => !isThere(name))).toEqual([])
  },
)

test('every alert says what to do', () => {
  const alerts = read('deploy/prometheus/alerts.yaml').split('- alert: ').slice(1)
  expect(alerts.length).toBeGreaterThan(5)
  for (const alert of alerts)
    expect(alert).toMatch(/severity: (page|ticket)[^]*summary: .+[^]*action: .+/)
})
