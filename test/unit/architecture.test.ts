import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const files = globSync('{models,handler,runtime}/**/*.ts', { cwd: ROOT })
const text = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const IMPORT = /^(?:import|export|\}).* from '([^'\n]+)'|import\('([^'\n]+)'\)/gm
const imports = files.flatMap((file) =>
  [...text(file).matchAll(IMPORT)].map(([, still, lazy]) => ({ file, to: (still ?? lazy)! })),
)

test('imports only point down: runtime → handler → models', () => {
  const floor = (file: string) => ['models', 'handler', 'runtime'].indexOf(file.split('/')[0]!)
  const up = imports
    .filter(({ file, to }) => to.startsWith('.') && floor(join(dirname(file), to)) > floor(file))
    .map(({ file, to }) => `${file} → ${to}`)
  expect(up, 'what computes must not know what a job is, nor a job how it arrived').toEqual([])
})

/** Who may import what is not ours; whoever else needs it goes through that door. */
const DOORS: Record<string, RegExp> = {
  'onnxruntime-node': /^models\/inference\/session\.ts$/,
  'node:worker_threads':
    /^(models\/inference\/(worker-pool|inference-thread|inference\.worker)|models\/pixels\/threads\/pixel(-thread|s\.worker)|runtime\/sources\/heartbeat\/heartbeat(\.worker)?)\.ts$/,
  'node:child_process': /^handler\/render\/media\/ffmpeg\.ts$|^runtime\/engine\//,
  undici: /^handler\/net\/guarded-fetch\.ts$/,
  '@aws-sdk': /^handler\/storage\/s3\.ts$/,
  hono: /^runtime\/http\//,
  'hono-openapi': /^runtime\/http\/(openapi|describe-operation)\.ts$/,
  '@hono/node-server': /^runtime\/http\//,
  'prom-client': /^runtime\/worker\/metrics\.ts$/,
  '@valibot/to-json-schema': /^handler\/job-schema\.ts$/,
  yauzl: /^models\/checkpoints\/torch\/zip-archive\.ts$/,
  valibot: /./,
}

test('each outside package has one door', () => {
  const outside = imports.filter(({ to }) => !to.startsWith('.'))
  const wrong = outside.filter(({ file, to }) => {
    const name = Object.keys(DOORS).find((door) => to === door || to.startsWith(`${door}/`))
    return name ? !DOORS[name]!.test(file) : !to.startsWith('node:')
  })
  const list = wrong.map(({ file, to }) => `${file} imports ${to}`)
  expect(list, "a vendor's oddities must stop at one file").toEqual([])
})

test('the environment is read in one place', () => {
  const readers = files.filter((file) => /\bprocess\.env\b/.test(text(file)))
  const allowed = ['runtime/config/config.ts', 'runtime/main.ts']
  const more = readers.filter((file) => !allowed.includes(file))
  expect(more, 'a bad variable must stop the start, with its name').toEqual([])
})

test('a file holds one idea and says which', () => {
  const long = files.filter((file) => text(file).trimEnd().split('\n').length > 260)
  expect(long, 'past 260 lines a file usually holds a second idea').toEqual([])
  const vague = files.filter((file) =>
    /^(index|utils?|helpers?|common|misc|types)\.ts$/.test(basename(file)),
  )
  expect(vague, 'a name that fits everything tells nothing').toEqual([])
})

test('no module keeps state', () => {
  const code = (file: string) => text(file).replace(/`[^`]*`/g, '') // without a page's own script
  const stateful = files.filter((file) => /^(export )?(let|var) /m.test(code(file)))
  expect(stateful, 'two jobs in one process must not meet').toEqual([])
})
