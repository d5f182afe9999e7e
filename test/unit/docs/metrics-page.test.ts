import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { describe, expect, test } from 'vitest'
import type { Job } from '../../../runtime/jobs/job-record.ts'
import { createMetrics } from '../../../runtime/worker/metrics.ts'

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')

const metrics = createMetrics({
  version: '1.2.3',
  counts: () => ({ queued: 0, running: 0 }),
  engines: () => [{ index: 0, state: 'ready', device: 'cpu', jobs: 0, restarts: 0, rss_mb: 1 }],
  sourceReachable: () => true,
})
const error = { code: 'NO_FACE', stage: 'avatar' }
const failed = { shape: 'jobs', state: 'failed', error, queued: 0, started: 1, finished: 2 }
metrics.jobFinished(failed as unknown as Job)
metrics.stageEnded('probe', 1)
metrics.fileTransferred({ direction: 'in', bytes: 1 })
const text = await metrics.text()
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

describe('the dashboard', () => {
  interface Panel {
    title: string
    gridPos: Record<'x' | 'y' | 'w' | 'h', number>
    targets: { expr: string }[]
  }
  const { panels } = JSON.parse(read('deploy/grafana/musetalk-worker.json')) as { panels: Panel[] }
  const samples = [...text.matchAll(/^(musetalk_\w+)(?:\{(.*)\})? /gm)]
  const labelsOf = (name: string) =>
    samples
      .filter(([, one]) => one === name)
      .flatMap(([, , labels = '']) => [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!))
  const ofQueue = String(Queue.prototype.exportPrometheusMetrics)

  test.each(panels)('asks for what is told: $title', ({ targets }) => {
    expect(targets.length).toBeGreaterThan(0)
    for (const { expr } of targets) {
      const names = [...expr.matchAll(/\b(?:musetalk|bullmq)_\w+/g)].map(([name]) => name)
      expect(names, expr).toHaveLength(1)
      const [name] = names as [string]
      const isOfQueue = name.startsWith('bullmq_')
      const isTold = isOfQueue ? ofQueue.includes(name) : samples.some(([, one]) => one === name)
      expect(isTold, name).toBe(true)
      const known = isOfQueue ? ['state', 'job'] : [...labelsOf(name), 'instance']
      const asked = [
        ...[...expr.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label!),
        ...[...expr.matchAll(/by \(([^)]+)\)/g)].flatMap(([, list]) => list!.split(', ')),
      ]
      expect(
        asked.filter((label) => !known.includes(label)),
        expr,
      ).toEqual([])
    }
  })

  test('has panels that do not lie over each other', () => {
    const taken = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    )
    expect(new Set(taken).size).toBe(taken.length)
    expect(Math.max(...panels.map(({ gridPos }) => gridPos.x + gridPos.w))).toBeLessThan(25)
  })
})

test('every alert says what to do', () => {
  const alerts = read('deploy/prometheus/alerts.yaml').split('- alert: ').slice(1)
  expect(alerts.length).toBeGreaterThan(5)
  for (const alert of alerts)
    expect(alert).toMatch(/severity: (page|ticket)[^]*summary: .+[^]*action: .+/)
})
