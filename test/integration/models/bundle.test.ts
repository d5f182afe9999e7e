import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBundle, openVerified, type BundleOptions } from '../../../models/inference/bundle.ts'
import { hasCuda, loadSession } from '../../../models/inference/session.ts'
import { createRenderPool } from '../../../runtime/engine/pool.ts'
import { writeBundle } from '../../helpers/models/copy-of-lite.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'
import { collectLog } from '../../helpers/collected-log.ts'

let place: Folder
let bundle: string
let cache: string
beforeEach(async () => {
  place = await folder()
  bundle = place.file('bundle')
  cache = place.file('cache')
  await writeBundle(bundle)
})
afterEach(() => place[Symbol.asyncDispose]())

/** Open, look and close. */
async function opened(changes: Partial<BundleOptions> = {}, open = openVerified) {
  const told: { event: string; fields: Record<string, unknown> }[] = []
  const onWarning = (event: string, fields: Record<string, unknown>) =>
    void told.push({ event, fields })
  const options = { device: 'cpu', threads: 1, lanes: 2, cache, onWarning, ...changes } as const
  await using found = await open(bundle, options)
  const from = Object.fromEntries(Object.entries(found.graphs).map(([name, g]) => [name, g.from]))
  const data = new Float32Array(2048).fill(3)
  const latent = { type: 'float32' as const, dims: [1, 2048], data }
  const { face } = await found.run('generate', { latent })
  return { from, told, mean: face!.data[11], mapped: mappedFiles() }
}

const mappedFiles = () => readFileSync('/proc/self/maps', 'utf8').match(/graph\.data/g)?.length ?? 0
const copies = () => readdir(join(cache, 'graphs'))
const copied = async (name: string) => join(cache, 'graphs', (await copies())[0]!, name)

test('a large graph is loaded by way of a copy whose weights are mapped, small ones as they are', async () => {
  const first = await opened()
  expect(first.from).toEqual({ encode: 'file', listen: 'file', generate: 'copy' })
  expect(first.mean).toBeCloseTo(3, 4)
  expect(await copies()).toHaveLength(1)
  const { mtimeMs } = await stat(await copied('graph.data'))
  const second = await opened()
  expect(second).toMatchObject({ from: first.from, told: [] })
  expect(second.mapped).toBeGreaterThan(0)
  expect(second.mean).toBe(first.mean)
  expect((await stat(await copied('graph.data'))).mtimeMs).toBe(mtimeMs)
})

test('without a cache nothing is kept', async () => {
  expect(await opened({ cache: undefined as never })).toMatchObject({
    from: { generate: 'file' },
    told: [],
  })
  expect(await readdir(place.path)).toEqual(['bundle'])
})

test('a cache that cannot be written is told, and the graph is loaded all the same', async () => {
  await writeFile(cache, 'not a folder')
  const { from, told, mean } = await opened()
  expect(from['generate']).toBe('file')
  expect(mean).toBeCloseTo(3, 4)
  expect(told.map(({ event }) => event)).toEqual([
    ...['bundle.unremembered', 'graph.fallback', 'bundle.unremembered'],
  ])
  expect(JSON.stringify(told[1]!.fields)).toMatch(/generate.*ENOTDIR/)
})

test('golden numbers are recomputed once, and again when they or the files change', async () => {
  await opened()
  const file = join(bundle, 'manifest.json')
  const manifest = JSON.parse(await readFile(file, 'utf8'))
  manifest.selfTest[0].expect.face.mean = 5
  manifest.selfTest[0].expect.face.at = []
  await writeFile(file, JSON.stringify(manifest))
  await expect(opened()).rejects.toThrow(/graph "generate".*expected mean 5/)
})

test('a copy that computes something else is thrown away, and the next start makes a good one', async () => {
  await opened()
  const weights = await copied('graph.data')
  await writeFile(weights, Buffer.alloc((await stat(weights)).size))
  const { mtimeNs } = await stat(weights, { bigint: true })
  const stamp = JSON.parse(await readFile(await copied('copy.json'), 'utf8'))
  stamp.weights.mtimeNs = String(mtimeNs)
  await writeFile(await copied('copy.json'), JSON.stringify(stamp))
  // As long as nobody looks it stays unnoticed; verify looks.
  expect((await opened()).mean).toBe(0)
  const looked = await opened({ recheck: 'numbers' })
  expect(looked.from['generate']).toBe('file')
  expect(looked.mean).toBeCloseTo(3, 4)
  expect(looked.told.map(({ event }) => event)).toContain('bundle.distrusted')
  const after = await opened()
  expect(after.from['generate']).toBe('copy')
  expect(after.mean).toBeCloseTo(3, 4)
})

test('two processes that start at the same time for the first time do not hinder each other', async () => {
  const { log, events } = collectLog()
  await using engines = createRenderPool({
    ...{ devices: ['', ''], device: 'cpu', bundle, modelCache: cache, maxJobs: 500 },
    log,
  })
  await expect.poll(() => engines.status().map(({ state }) => state)).toEqual(['ready', 'ready'])
  expect(events()).not.toContain('graph.fallback')
  expect(await copies()).toHaveLength(1)
  expect((await opened()).mean).toBeCloseTo(3, 4)
})

test('a copy that cannot be loaded is thrown away too', async () => {
  await opened()
  const garbage = Buffer.from('no graph')
  await writeFile(await copied('graph.onnx'), garbage)
  const stamp = JSON.parse(await readFile(await copied('copy.json'), 'utf8'))
  stamp.sha256 = createHash('sha256').update(garbage).digest('hex')
  await writeFile(await copied('copy.json'), JSON.stringify(stamp))
  const { from, told, mean } = await opened()
  expect(from['generate']).toBe('file')
  expect(told.map(({ event }) => event)).toEqual(['graph.fallback'])
  expect(mean).toBeCloseTo(3, 4)
  expect((await opened()).from['generate']).toBe('copy')
})

test.skipIf(hasCuda())('on CUDA the variant is tried before the portable graph', async () => {
  const { graphs, ...manifest } = await writeBundle(bundle)
  const { file, bytes, sha256 } = graphs.encode
  const generate = { ...graphs.generate, cuda: { file, bytes, sha256 } }
  const changed = { ...manifest, graphs: { ...graphs, generate } }
  await writeFile(join(bundle, 'manifest.json'), JSON.stringify(changed))
  const sources = { file: join(bundle, 'generate.onnx'), cuda: join(bundle, 'encode.onnx') }
  const told = await loadSession(sources, { device: 'cuda', threads: 1 }).catch((error) => error)
  // Without a GPU both fail; the message says in which order.
  expect(told).toMatchObject({ kind: 'device' })
  expect(told.message).toMatch(/cuda, variant: .*cuda, file: /s)
  expect((await opened()).from['generate']).toBe('copy')
})

test('weights that are missing beside a graph are named', async () => {
  await rm(join(bundle, 'generate.data'))
  await expect(opened({}, openBundle)).rejects.toThrow(/generate\.data is missing/)
})
