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

const inside = imports
  .filter(({ to }) => to.startsWith('.') && to.endsWith('.ts'))
  .map(({ file, to }) => ({ file, to: join(dirname(file), to) }))

/**
 * The floors of the house from the ground up: a file may import from its own line and from those above
 * it. What is in no line of its own belongs to the line of its folder.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['models/system'],
  ['models/inference', 'models/pixels', 'models/checkpoints'],
  ['models/templates'],
  ['handler/errors.ts', 'handler/log.ts'],
  ['handler/system', 'handler/net'],
  ['handler/render'], // with media, audio, face, avatar, frames
  ['handler/events'],
  ['handler/storage'],
  ['handler/inputs'],
  ['handler/job'],
  ['handler'],
  ['runtime/client'], // what it takes from below are types
  ['runtime/tracing'],
  ['runtime/log', 'runtime/config', 'runtime/jobs/clock.ts', 'runtime/cli/output.ts'],
  ['runtime/signal-echo.ts'],
  ['runtime/shutdown.ts'],
  ['runtime/jobs', 'runtime/runpod'],
  ['runtime/engine', 'runtime/bundle-pull'],
  ['runtime/sources', 'runtime/http'],
  ['runtime/worker'],
  ['runtime/doctor'],
  ['runtime/cli'],
  ['runtime'],
]

function layerOf(file: string): number {
  const rooms = LAYERS.flatMap((rooms, layer) => rooms.map((room) => ({ room, layer })))
  const fitting = rooms.filter(({ room }) => file === room || file.startsWith(`${room}/`))
  return fitting.toSorted((a, b) => b.room.length - a.room.length)[0]?.layer ?? Infinity
}

test('imports only point down', () => {
  expect(
    files.filter((file) => layerOf(file) === Infinity),
    'a folder without a floor',
  ).toEqual([])
  const up = inside
    .filter(({ file, to }) => layerOf(to) > layerOf(file))
    .map(({ file, to }) => `${file} → ${to}`)
  expect(up, 'what computes must not know what a job is, nor a job how it arrived').toEqual([])
})

test('the folders of one floor do not import from one another', () => {
  const across = inside.filter(({ file, to }) => {
    const rooms = LAYERS[layerOf(file)]!
    const roomOf = (path: string) => rooms.find((room) => path.startsWith(`${room}/`))
    return layerOf(to) === layerOf(file) && roomOf(to) !== roomOf(file)
  })
  const allowed = [
    'handler/net → handler/system',
    'runtime/log → runtime/config', // the levels that variables name
    'runtime/config → runtime/log',
  ]
  const found = across.map(({ file, to }) => `${dirname(file)} → ${dirname(to)}`)
  expect(found.filter((pair) => !allowed.includes(pair))).toEqual([])
})

test('no files import one another in a circle, not even types', () => {
  const targets = Map.groupBy(inside, ({ file }) => file)
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const { to } of targets.get(file) ?? []) visit(to, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  expect(circles, 'none of them could be read, tested or moved alone').toEqual([])
})

test('a folder can be seen at a glance', () => {
  const sources = globSync('{models,handler,runtime,bench,test}/**/*.{ts,js,py}', { cwd: ROOT })
  const full = [...Map.groupBy(sources, dirname)].filter(([, inFolder]) => inFolder.length > 15)
  expect(full.map(([folder, { length }]) => `${folder}: ${length}`)).toEqual([])
})

test('a few lines that one file needs stand in that file', () => {
  const importers = Map.groupBy(inside, ({ to }) => to)
  const isSmall = (file: string) => text(file).trimEnd().split('\n').length < 20
  const isUsedOnce = (file: string) =>
    new Set(importers.get(file)?.map((one) => one.file)).size === 1
  // A command is one thing, however short.
  const own = (file: string) => file.startsWith('runtime/cli/commands/')
  expect(files.filter((file) => isSmall(file) && isUsedOnce(file) && !own(file))).toEqual([])
})

test('the library only re-exports', () => {
  const statements = text('runtime/library.ts').match(/^(?!export .*from|\/?\*| \*|$|\}).*$/gm)
  expect(statements ?? [], 'what is made there could be used by nobody below it').toEqual([])
})

test('the client runs wherever there is fetch', () => {
  const needed = globSync('runtime/client/*.ts', { cwd: ROOT }).flatMap((file) =>
    [...text(file).matchAll(/^(?:import|export) (?!type ).*? from '([^']+)'/gms)].map(
      ([, to]) => to!,
    ),
  )
  expect(needed.length).toBeGreaterThan(3)
  expect(needed.filter((to) => !to.startsWith('./'))).toEqual([])
})

/** Who may import what is not ours; whoever else needs it goes through that door. */
const DOORS: Record<string, RegExp> = {
  'onnxruntime-node': /^models\/inference\/session\.ts$/,
  'node:worker_threads':
    /^(models\/inference\/(worker-pool|inference-thread|inference\.worker)|models\/pixels\/threads\/pixel(-thread|s\.worker)|runtime\/sources\/heartbeat\/heartbeat(-thread|\.worker)|runtime\/sources\/bullmq\/lock(-thread|\.worker))\.ts$/,
  'node:child_process':
    /^handler\/render\/media\/((find-)?ffmpeg|stall-watch)\.ts$|^runtime\/engine\//,
  undici: /^handler\/net\/(guarded-fetch|proxy-route)\.ts$/,
  '@aws-sdk': /^handler\/storage\/(s3|s3-client|multipart)\.ts$/,
  bullmq: /^runtime\/sources\/bullmq\/(queue-client|queue-producer|part-queue)\.ts$/,
  ioredis: /^runtime\/sources\/bullmq\/(redis|job-lock)\.ts$/,
  hono: /^runtime\/http\//,
  'hono-openapi': /^runtime\/http\/(openapi|describe-operation)\.ts$/,
  '@hono/node-server': /^runtime\/http\//,
  'prom-client': /^runtime\/worker\/metrics\.ts$/,
  '@valibot/to-json-schema': /^handler\/job\/job-schema\.ts$/,
  '@opentelemetry': /^runtime\/tracing\/otlp-tracer\.ts$/,
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
