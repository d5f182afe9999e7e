import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../../runtime/config/config.ts'
import { describeEnvironment } from '../../../runtime/config/environment-reference.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const page = read('docs/legacy-worker.md')
const movingOver = page.slice(page.indexOf('## Moving over'))

/** What the legacy worker read, with its default where that is a value. */
const READ: Record<string, string | number | undefined> = {
  ...{ SALAD_MACHINE_ID: undefined, VAST_CONTAINERLABEL: undefined },
  ...{ OCTASPACE_NODE_ID: undefined, WORKER_ID: undefined },
  ...{ ORCHESTRATOR_BASE_URL: undefined, INTERNAL_API_KEY: undefined, CONFIG_LABEL: 'default' },
  ...{ WORKER_MODE: 'queue', WORKER_TYPE: 'main', PROVIDER: 'unknown', POLL_INTERVAL_SEC: 5 },
  ...{ BUFFER_ORCHESTRATOR_BASE_URL: undefined, BUFFER_WORKER_ID: undefined },
  ...{ BUFFER_CAPACITY: 1, BUFFER_POLL_INTERVAL_SEC: 10 },
  ...{ GPU_CLASS_NAME: 'unknown', GPU_CLASS: undefined, BATCH_SIZE: undefined },
  ...{ B2_KEY_ID: undefined, B2_APP_KEY: undefined, B2_BUCKET_NAME: undefined },
  ...{ B2_PREFIX: 'avatar/outputs' },
}
const IGNORED = [
  ...['SALAD_QUEUE_JOB_ID', 'USE_OPTIMIZED_INFERENCE', 'MUSETALK_WORKDIR', 'MUSETALK_RESULT_DIR'],
  ...['MUSETALK_UNET_MODEL_PATH', 'MUSETALK_UNET_CONFIG'],
]

const rowOf = (name: string) =>
  movingOver.split('\n').find((line) => line.split(' | ')[0]!.includes(`\`${name}\``)) ?? ''

test.each(Object.entries(READ))('%s is read, and the page says so', (name, fallback) => {
  const known = describeEnvironment().flatMap(({ variables }) => variables)
  expect(known.map((variable) => variable.name)).toContain(name)
  expect(rowOf(name)).toContain('the same')
  expect((readConfig({}) as Record<string, unknown>)[name]).toBe(fallback)
})

test.each(IGNORED)('%s is ignored, and the page says so', (name) => {
  expect(describeEnvironment().flatMap(({ variables }) => variables)).not.toContainEqual(
    expect.objectContaining({ name }),
  )
  expect(rowOf(name)).toContain('ignored')
})

test.each([
  ['the programs', 'a shell script'],
  ['the weights', 'a script that downloads'],
  ['variables that are missing', 'a missing key'],
  ['jobs are claimed', 'jobs from the orchestrator'],
  ['heartbeats', 'a heartbeat every 10 s'],
  ['jobs over HTTP', '`POST /generate`, `GET /hc`'],
  ['models', 'models are loaded for each job'],
  ['uploads', '`<B2_PREFIX>/<id>.mp4`'],
  ['progress', 'progress in one burst'],
  ['the buffer', 'buffer mode'],
  ['the worker’s name', "the worker's name"],
  ['system information', '`system_info`'],
  ['Docker’s options', '`--shm-size=8g`'],
  ['a reboot', 'after a reboot'],
  ['the frame size', '`aspect_ratio`, `resolution` ignored'],
  ['which image', 'which image is this?'],
  ['recipes', 'stuck at .95'],
])('the page says what became of a capability: %s', (_, words) => {
  const row = movingOver.split('\n').find((line) => line.split(' | ')[0]!.includes(words))
  expect(row?.split(' | ')[1]?.length).toBeGreaterThan(10)
})

test('the names of a worker stand in the order in which they count', () => {
  const row = movingOver.split('\n').find((line) => line.startsWith("| the worker's name"))!
  const names = ['SALAD_MACHINE_ID', 'VAST_CONTAINERLABEL', 'OCTASPACE_NODE_ID', 'WORKER_ID']
  expect([...row.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name)).toEqual([
    ...names,
    'RUNPOD_POD_ID',
  ])
})

test('every fault of the past has its row and its test', () => {
  const rows = [...page.matchAll(/^\| (\d+) \| .{10,} \| .{10,} \|$/gm)].map(([, n]) => Number(n))
  const [, named] = /numbers: ([\d, and]+) in `(?:\S+)\/job\/legacy/.exec(page)!
  const ofJobs = read('test/integration/job/legacy-regressions.test.ts')
  const held = [...ofJobs.matchAll(/^(?:test\(|)\s*'(\d+)\. /gm)].map(([, n]) => n)
  expect(named!.match(/\d+/g)).toEqual([...new Set(held)])
  const files = [...page.matchAll(/`(test\/\S+legacy-regressions\.test\.ts)`/g)].map(([, f]) => f!)
  const tests = files.flatMap((file) => [
    ...read(file).matchAll(/^\s*test(?:\.\w+\([^]*?\))?\(\s*['"`](\d+)\. /gm),
  ])
  expect(rows).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  expect(new Set(tests.map(([, n]) => Number(n)))).toEqual(new Set(rows))
})
