import type { GraphName, Manifest } from '../../models/inference/manifest.ts'
import type { GraphSource, Session } from '../../models/inference/session.ts'
import type { Tensor, Tensors, TensorSpec } from '../../models/inference/tensor.ts'

/** What one run of a graph takes on the card: milliseconds, and milliseconds for each item. */
export interface Cost {
  fixed: number
  perItem: number
}

/** A card of the RTX 4090's class in half precision; `generate` includes the decoder of its VAE. */
export const COSTS: Partial<Record<GraphName, Cost>> = {
  face: { fixed: 6, perItem: 0 },
  encode: { fixed: 2, perItem: 3.5 },
  parse: { fixed: 1, perItem: 2.5 },
  listen: { fixed: 40, perItem: 0 },
  generate: { fixed: 3, perItem: 9 },
}

export const costOf = (graph: GraphName, items: number, speed: number): number => {
  const { fixed, perItem } = COSTS[graph]!
  return (fixed + perItem * items) / speed
}

/** Which card, and what it is shown. */
export interface Simulation {
  /** Times as fast as the table says. */
  speed: number
  parse: boolean
  /** Size of the frames: a part of one that has another size is a window around the face. */
  width: number
  height: number
}

/** A simulated graph travels where the path of a real one would. */
export const simulatedSource = (graph: GraphName, simulation: Simulation): GraphSource => ({
  file: JSON.stringify({ graph, simulation }),
})

const SIDE = 256
const LAYERS = 5
const DIM = 384
const LATENT = [8, 32, 32]

export const STATES: Manifest['states'] = [{ name: 'latent', dtype: 'float32', shape: LATENT }]
export const LISTEN: Manifest['listen'] = { layers: LAYERS, dim: DIM, overlapS: 2 }

const input = (name: string, shape: (number | string)[], type = 'uint8'): TensorSpec => ({
  ...{ name, type, shape },
})

export const INPUTS: Partial<Record<GraphName, TensorSpec[]>> = {
  face: [input('image', ['H', 'W', 3])],
  encode: [input('crop', ['N', SIDE, SIDE, 3])],
  parse: [input('image', ['N', 512, 512, 3])],
  listen: [input('pcm', [480_000], 'float32')],
  generate: [
    input('latent', ['N', ...LATENT], 'float32'),
    input('prompt', ['N', 10 * LAYERS, DIM], 'float32'),
  ],
}

/** How many items a run was fed. */
export const itemsOf = (graph: GraphName, feeds: Tensors): number =>
  typeof INPUTS[graph]![0]!.shape[0] === 'string' && graph !== 'face'
    ? Object.values(feeds)[0]!.dims[0]!
    : 1

/**
 * A graph that takes its time and burns none of the processor's: the thread sleeps. What a sleep takes
 * too long is taken off the next run if that was waiting already, so the card is never slower than said.
 */
export async function loadSimulated({ file }: GraphSource): Promise<Session> {
  const { graph, simulation } = JSON.parse(file) as { graph: GraphName; simulation: Simulation }
  const answer = answers(simulation)[graph]!
  return {
    ...{ device: 'cuda', from: 'file', host: 'simulated', notes: [], outputs: [] },
    inputs: INPUTS[graph]!,
    async run(feeds) {
      const items = itemsOf(graph, feeds)
      card.take(costOf(graph, items, simulation.speed))
      return answer(feeds, items)
    },
  }
}

const AT_ONCE_MS = 1 // a run that begins so soon after another had waited for it

/** The one card of a thread. */
const card = {
  bell: new Int32Array(new SharedArrayBuffer(4)),
  freeAt: 0,
  lateMs: 0,
  take(ms: number) {
    const now = performance.now()
    if (now - this.freeAt > AT_ONCE_MS) this.lateMs = 0
    const wait = ms - this.lateMs
    if (wait > 0) Atomics.wait(this.bell, 0, 0, wait)
    this.freeAt = performance.now()
    this.lateMs += this.freeAt - now - ms
  },
}

function answers({ width, height }: Simulation) {
  const noise = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => 90 + ((i * 31) & 63))
  const face = (items: number): Uint8Array => {
    const faces = new Uint8Array(items * noise.length)
    for (let i = 0; i < items; i++) faces.set(noise, i * noise.length)
    return faces
  }
  const all: Partial<Record<GraphName, (feeds: Tensors, items: number) => Tensors>> = {
    face: ({ image }) => found(image!.dims, width, height),
    encode: (_, n) => ({ latent: f32([n, ...LATENT]) }),
    parse: (_, n) => ({ classes: u8([n, 512, 512], new Uint8Array(n * 512 * 512).fill(1)) }),
    listen: () => ({ states: f32([1500, LAYERS, DIM]) }),
    generate: (_, n) => ({ face: u8([n, SIDE, SIDE, 3], face(n)) }),
  }
  return all
}

const u8 = (dims: number[], data: Uint8Array): Tensor => ({ type: 'uint8', dims, data })

function f32(dims: number[], values?: number[]): Tensor {
  const size = dims.reduce((n, d) => n * d, 1)
  return {
    type: 'float32',
    dims,
    data: values ? Float32Array.from(values) : new Float32Array(size),
  }
}

/** One face in the middle, 0.35 of the frame's shorter side; a window is 2.25 times as large. */
function found(dims: readonly number[], width: number, height: number): Tensors {
  const [h, w] = dims as [number, number]
  const [y, x] = [h / 2, w / 2]
  const whole = w === width && h === height
  const half = (whole ? Math.min(w, h) * 0.35 : Math.min(w, h) / 2.25) / 2
  const [x1, y1, x2, y2] = [x - half, y - half, x + half, y + half]
  // The tip of the nose decides the box; eyes over a mouth, or it would be no face that can be drawn.
  const points = Array.from({ length: 68 }, (_, i) => {
    if (i === 29) return [x, y]
    const part = i >= 48 ? 0.5 : i >= 42 ? 0.7 : i >= 36 ? 0.3 : (i % 17) / 16
    return [x1 + (x2 - x1) * part, y1 + (y2 - y1) * (i < 17 ? 1 : i < 48 ? 0.3 : 0.75)]
  })
  return {
    boxes: f32([1, 4], [x1, y1, x2, y2]),
    scores: f32([1], [0.9]),
    landmarks: f32([1, 68, 2], points.flat()),
  }
}
