// Each graph of a bundle on this machine's card: measure-graphs.ts BUNDLE [cuda|cpu]. Prints JSON: how it was
// loaded, parity with the portable graph on the CPU, items per second by batch, what a new shape costs, memory.
import { spawnSync } from 'node:child_process'
import { openBundle, type Bundle } from '../../models/inference/bundle.ts'
import type { GraphName } from '../../models/inference/manifest.ts'
import { selfTest } from '../../models/inference/self-test.ts'
import type { Device } from '../../models/inference/session.ts'
import { byteLength, elements, tensorOf, type Tensors } from '../../models/inference/tensor.ts'

const [directory = '', wanted = 'cuda'] = process.argv.slice(2)
const device = wanted as Device
const cpuOnly = device === 'cpu'
const BATCHES = cpuOnly ? [1, 2] : [1, 4, 8, 16, 32]
const SECONDS = cpuOnly ? 0.1 : 2

/** Bytes that look like a picture or a feature, the same on every machine. */
function noise(bytes: Uint8Array, scale: number): Uint8Array {
  for (let i = 0, state = 1; i < bytes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = (state >>> 24) * scale
  }
  return bytes
}

/** What a graph is fed: free dimensions are the batch, but for the sides of `face`'s picture. */
function feedsFor(models: Bundle, graph: GraphName, batch: number): Tensors {
  return Object.fromEntries(
    models.graphs[graph]!.inputs.map(({ name, type, shape }) => {
      const isFrame = graph.startsWith('face') && shape.length === 3
      const dims = shape.map((side, axis) =>
        typeof side === 'number' && side > 0 ? side : isFrame ? [720, 1280, 3][axis]! : batch,
      )
      if (type === 'uint8') {
        const bytes = noise(new Uint8Array(byteLength('uint8', dims)), 1)
        return [name, tensorOf('uint8', dims, bytes)]
      }
      const levels = noise(new Uint8Array(elements(dims)), 1)
      const data = Float32Array.from(levels, (level) => (level - 127.5) / 128)
      return [name, { type: 'float32', dims, data }]
    }),
  )
}

/** Whether the first axis is a batch: it is free, and not the height of a frame. */
const isBatched = (models: Bundle, graph: GraphName) =>
  models.graphs[graph]!.inputs.some(
    ({ shape }) =>
      typeof shape[0] !== 'number' && !(graph.startsWith('face') && shape.length === 3),
  )

async function time(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

async function rate(models: Bundle, graph: GraphName, batch: number) {
  const feeds = () => feedsFor(models, graph, batch)
  const firstMs = await time(() => models.run(graph, feeds()))
  const input = feeds()
  await models.run(graph, input)
  let runs = 0
  const start = performance.now()
  do {
    await models.run(graph, feeds())
    runs++
  } while (performance.now() - start < SECONDS * 1000)
  const ms = (performance.now() - start) / runs
  return { batch, first_ms: round(firstMs), ms: round(ms), per_s: round((1000 * batch) / ms) }
}

/** Largest and mean difference of all outputs, and the share of equal values. */
async function parity(models: Bundle, reference: Bundle, graph: GraphName) {
  const feeds = () => feedsFor(models, graph, 2)
  const [found, expected] = await Promise.all([
    models.run(graph, feeds()),
    reference.run(graph, feeds()),
  ])
  return Object.entries(expected).map(([name, { data: want }]) => {
    const { data: got } = found[name]!
    if (got.length !== want.length) return `${name}: ${got.length} values, not ${want.length}`
    if (want.length === 0) return `${name}: nothing in this picture`
    let [largest, sum, squares, equal] = [0, 0, 0, 0]
    for (let i = 0; i < want.length; i++) {
      const off = Math.abs(got[i]! - want[i]!)
      if (!(off <= largest)) largest = off
      sum += off
      squares += want[i]! ** 2
      if (off === 0) equal++
    }
    const rms = Math.sqrt(squares / want.length)
    return { name, max: largest, mean: sum / want.length, equal: equal / want.length, rms }
  })
}

function cardMb(): number | null {
  const args = ['--query-gpu=memory.used', '--format=csv,noheader,nounits']
  const { status, stdout } = spawnSync('nvidia-smi', args, { encoding: 'utf8' })
  return status === 0 ? Number(stdout.trim().split('\n')[0]) : null
}

const round = (value: number) => Math.round(value * 100) / 100
const warnings: unknown[] = []
const open = (on: Device) =>
  openBundle(directory, {
    ...{ device: on, threads: on === 'cpu' ? 8 : 1, lanes: 1 },
    onWarning: (event, fields) => warnings.push({ event, ...fields }),
  })

const before = cardMb()
let models: Bundle | undefined
const load_ms = await time(async () => (models = await open(device)))
await using bundle = models!
const loaded = cardMb()
const tested = await selfTest(bundle).then(
  () => 'holds',
  (error: Error) => error.message,
)
const graphs: Record<string, unknown> = {}
{
  await using reference = await open('cpu')
  for (const [name, { device: on, from }] of Object.entries(bundle.graphs)) {
    const graph = name as GraphName
    const batches = isBatched(bundle, graph) ? BATCHES : [1]
    const by_batch = []
    for (const batch of batches) {
      const row = await rate(bundle, graph, batch).catch((error: Error) => ({
        batch,
        error: error.message,
      }))
      by_batch.push({ ...row, card_mb: cardMb() })
    }
    const compared = await parity(bundle, reference, graph).catch((error: Error) => error.message)
    graphs[graph] = { device: on, from, by_batch, parity: compared }
  }
}
const memory = { before, loaded, after: cardMb() }
const { name, version, precision, selfTest: numbers } = bundle.manifest
console.log(
  JSON.stringify(
    {
      bundle: { name, version, precision, id: bundle.id },
      ...{ load_ms: round(load_ms), self_test: { runs: numbers.length, result: tested } },
      ...{ card_mb: memory, graphs, warnings },
    },
    null,
    1,
  ),
)
