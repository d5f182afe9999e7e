import * as v from 'valibot'
import type { Models } from './models.ts'
import { ModelError } from './errors.ts'
import { GRAPH_NAMES, type GraphName } from './manifest.ts'
import { elements, type Tensor, type Tensors } from './tensor.ts'

const Dims = v.array(v.pipe(v.number(), v.integer(), v.minValue(0)))
const TestInput = v.variant('rule', [
  v.object({ rule: v.literal('ramp'), dims: Dims }),
  v.object({ rule: v.literal('wave'), dims: Dims }),
  v.object({ rule: v.literal('data'), dims: Dims, data: v.array(v.number()) }),
  v.object({
    rule: v.literal('ellipses'),
    dims: Dims,
    background: v.array(v.number()),
    ellipses: v.array(v.array(v.number())),
  }),
  /** An output of an earlier run, as `graph.output`. */
  v.object({ rule: v.literal('from'), of: v.string() }),
])
const Expected = v.object({
  dims: Dims,
  mean: v.number(),
  /** Flat index and value. */
  at: v.array(v.tuple([v.number(), v.number()])),
  /** Of every value; the mean of whole numbers may be off by a quarter of it. */
  tolerance: v.number(),
})
const Entry = v.object({
  graph: v.picklist(GRAPH_NAMES),
  feeds: v.record(v.string(), TestInput),
  expect: v.record(v.string(), Expected),
})
type TestInput = v.InferOutput<typeof TestInput>
type Expected = v.InferOutput<typeof Expected>

/** How many runs a manifest has golden numbers of; the others only must give plausible results. */
export const goldenRuns = ({ selfTest }: Models['manifest']): number =>
  selfTest.filter((item) => {
    const { success, output } = v.safeParse(Entry, item)
    return success && Object.keys(output.expect).length > 0
  }).length

/**
 * Recompute the manifest's golden numbers: finds a driver or a provider that computes nonsense
 * before a job does. Where there are none, as of weights that nobody has computed with, results must be finite.
 *
 * @throws ModelError `bundle` naming graph, output, expected and found
 * @see models/export/lite/build_selftest.py, which wrote them
 */
export async function selfTest(models: Models): Promise<void> {
  const earlier: Tensors = {}
  for (const item of models.manifest.selfTest) {
    const parsed = v.safeParse(Entry, item)
    if (!parsed.success) {
      const why = v.summarize(parsed.issues)
      throw new ModelError('bundle', `the manifest's self-test is not readable\n${why}`)
    }
    const { graph, feeds, expect } = parsed.output
    const named = Object.entries(feeds).map(
      ([name, feed]) => [name, tensorFor(feed, earlier)] as const,
    )
    const outputs = await models.run(graph, Object.fromEntries(named))
    for (const [name, expected] of Object.entries(expect))
      check(graph, name, outputs[name], expected)
    for (const [name, tensor] of Object.entries(outputs)) {
      if (!Object.hasOwn(expect, name)) checkPlausible(graph, name, tensor)
      earlier[`${graph}.${name}`] = tensor
    }
  }
}

function tensorFor(feed: TestInput, earlier: Tensors): Tensor {
  switch (feed.rule) {
    case 'ramp':
      return u8(feed.dims, (i) => (7 * i + 13 * (i >> 8) + 29 * (i >> 16)) & 255)
    case 'wave':
      return f32(feed.dims, (i) => 0.5 * Math.sin(i * 0.05) * Math.sin(i * 0.0003))
    case 'data':
      return f32(feed.dims, (i) => feed.data[i]!)
    case 'ellipses':
      return drawEllipses(feed)
    case 'from': {
      const tensor = earlier[feed.of]
      if (tensor) return tensor
      throw new ModelError('bundle', `the self-test feeds "${feed.of}", which no run before made`)
    }
  }
}

function u8(dims: number[], at: (i: number) => number): Tensor {
  const data = new Uint8Array(elements(dims))
  for (let i = 0; i < data.length; i++) data[i] = at(i)
  return { type: 'uint8', dims, data }
}

function f32(dims: number[], at: (i: number) => number): Tensor {
  const data = new Float32Array(elements(dims))
  for (let i = 0; i < data.length; i++) data[i] = at(i)
  return { type: 'float32', dims, data }
}

/** Ellipses [cx, cy, rx, ry, r, g, b] one over the other; pixel centers lie at .5. */
function drawEllipses({
  dims,
  background,
  ellipses,
}: Extract<TestInput, { rule: 'ellipses' }>): Tensor {
  const [height, width] = dims.slice(-3) as [number, number]
  const data = new Uint8Array(elements(dims))
  for (let at = 0; at < data.length; at += 3) data.set(background, at)
  for (const [cx, cy, rx, ry, ...color] of ellipses as [number, number, number, number][]) {
    for (let y = Math.max(0, Math.floor(cy - ry)); y < Math.min(height, cy + ry); y++) {
      for (let x = Math.max(0, Math.floor(cx - rx)); x < Math.min(width, cx + rx); x++) {
        const inside = ((x + 0.5 - cx) / rx) ** 2 + ((y + 0.5 - cy) / ry) ** 2 <= 1
        if (inside) data.set(color, 3 * (y * width + x))
      }
    }
  }
  return { type: 'uint8', dims, data }
}

function check(graph: GraphName, name: string, found: Tensor | undefined, expected: Expected) {
  const fail = (what: string, want: unknown, got: unknown): never => {
    const where = `graph "${graph}", output "${name}"`
    const rest = `expected ${what} ${want}, found ${got}`
    throw new ModelError('bundle', `self-test failed: ${where}: ${rest}`)
  }
  if (!found) return fail('dims', `[${expected.dims}]`, 'no such output')
  if (`${found.dims}` !== `${expected.dims}`) {
    fail('dims', `[${expected.dims}]`, `[${found.dims}]`)
  }
  const { tolerance } = expected
  for (const [index, want] of expected.at) {
    const got = found.data[index]!
    // Written so that NaN fails.
    if (!(Math.abs(got - want) <= tolerance))
      fail(`at ${index}`, `${want} ± ${tolerance}`, formatNumber(got))
  }
  const room = found.type === 'uint8' ? tolerance / 4 : tolerance
  const count = found.data.length
  let sum = 0
  for (let i = 0; i < count; i++) sum += found.data[i]!
  const mean = count > 0 ? sum / count : 0
  if (!(Math.abs(mean - expected.mean) <= room))
    fail('mean', `${expected.mean} ± ${room}`, formatNumber(mean))
}

/** What is not a number in a graph becomes a face of one level. */
function checkPlausible(graph: GraphName, name: string, { data }: Tensor): void {
  const fail = (found: string): never => {
    throw new ModelError('bundle', `self-test failed: graph "${graph}", output "${name}": ${found}`)
  }
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) fail(`expected numbers, found ${data[i]} at ${i}`)
  }
  const flat = graph === 'generate' && data.length > 0 && data.every((value) => value === data[0])
  if (flat) fail(`expected a face, found nothing but ${data[0]}`)
}

const formatNumber = (value: number) => Number(value.toPrecision(6))
