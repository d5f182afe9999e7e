import type { Models } from '../../../models/inference/models.ts'
import type { GraphName, Manifest } from '../../../models/inference/manifest.ts'
import type { Tensor, Tensors } from '../../../models/inference/tensor.ts'
import { eyebrow, lip } from '../media/scene.ts'

const SIDE = 256
const OWN_STATE = 4 // of the ten that a frame hears: the 20 ms that begin with it
const LOUD = 0.1 // mean of |samples|
const ANY = { license: 'none', origin: 'test', file: 'none', bytes: 0, sha256: '0'.repeat(64) }

export const MANIFEST: Manifest = {
  format: 1,
  name: 'fake',
  version: '0',
  precision: 'none',
  graphs: { face: ANY, encode: ANY, listen: ANY, generate: ANY },
  listen: { layers: 1, dim: 2, overlapS: 1 },
  states: [{ name: 'code', dtype: 'uint8', shape: [1] }],
  clip: { frames: 64 },
  batch: [4],
  crop: { chin_margin_px: 10, chin_margin_share: 0.1 },
  face: { threshold: 0.5 },
  mask: { top: [0.5, 0.6], sides: 0.1, bottom: 0.05 },
  selfTest: [],
}

export interface FakeOptions {
  /** Color of a painted mouth where the bits of the frame's code are 0; where they are 1: `other`. */
  mouth?: readonly [number, number, number]
  other?: readonly [number, number, number]
  /** Color of a painted mouth, instead, where its own moment in the recording is loud. */
  loudMouth?: readonly [number, number, number]
  /** Further bytes in the state of a frame. */
  padding?: number
  /** Called before each run; may wait, throw, or abort somebody. */
  before?: (graph: GraphName) => void | Promise<void>
}

export interface FakeModels extends Models {
  /** How often each graph ran. */
  runs: Record<GraphName, number>
  /** Faces of source frames that were encoded. */
  encoded: number
  /** Per generated face in order: code of the source frame that its state came from. */
  codes: number[]
  /** Per generated face: the second channel of the ten states heard (see `listen`). */
  heard: number[][]
  /** Per generated face: how loud these ten states are, mean of |samples|. */
  loud: number[][]
}

/**
 * Models without a network: white squares are faces, the state of a frame is the code drawn in it,
 * a mouth is painted in a color that tells the code, and states of speech are their own number + 1.
 */
export function fakeModels(options: FakeOptions = {}): FakeModels {
  const { mouth = [0, 255, 0], loudMouth = mouth, other = [0, 0, 255] } = options
  const { padding, before } = options
  const runs = {
    face: 0,
    face_reference: 0,
    track: 0,
    encode: 0,
    listen: 0,
    generate: 0,
    clip: 0,
    parse: 0,
  }
  const codes: number[] = []
  const heard: number[][] = []
  const loud: number[][] = []
  let step = 0
  const graphs: Record<string, (feeds: Tensors) => Tensors> = {
    face: ({ image }) => findSquares(image!),
    encode: ({ crop, landmarks }) => {
      const count = crop!.dims[0]!
      models.encoded += count
      const item = ({ data, dims }: Tensor, i: number) => {
        const size = data.length / dims[0]!
        return data.subarray(i * size, (i + 1) * size)
      }
      const read = Array.from({ length: count }, (_, i) =>
        readCode(item(crop!, i), item(landmarks!, i)),
      )
      const more = padding && {
        padding: bytes([count, padding], new Uint8Array(count * padding)),
      }
      return { code: bytes([count, 1], read), ...more }
    },
    listen: ({ pcm }) => {
      const states = listen(pcm!.data as Float32Array, step)
      step += 1400
      return states
    },
    generate: ({ code, prompt }) => {
      const count = code!.dims[0]!
      codes.push(...(code!.data as Uint8Array))
      for (let i = 0; i < count; i++) {
        const window = (prompt!.data as Float32Array).subarray(i * 20, (i + 1) * 20)
        loud.push([...window.filter((_, k) => k % 2 === 0)])
        heard.push([...window.filter((_, k) => k % 2 === 1)])
      }
      const isLoud = (i: number) => loud.at(i - count)![OWN_STATE]! > LOUD
      const faces = [...(code!.data as Uint8Array)].map((value, i) =>
        paint(value, isLoud(i) ? loudMouth : mouth, other),
      )
      return { face: bytes([count, SIDE, SIDE, 3], Buffer.concat(faces)) }
    },
  }
  const states = [
    ...MANIFEST.states,
    ...(padding ? [{ name: 'padding', dtype: 'uint8' as const, shape: [padding] }] : []),
  ]
  const models: FakeModels = {
    manifest: { ...MANIFEST, states },
    id: 'fake00000000',
    graphs: {
      encode: {
        device: 'cpu',
        inputs: ['crop', 'landmarks'].map((name) => ({ name, type: 'any', shape: [] })),
        outputs: [],
      },
    },
    runs,
    encoded: 0,
    codes,
    heard,
    loud,
    async run(graph, feeds) {
      await before?.(graph)
      runs[graph]++
      return graphs[graph]!(feeds)
    },
  }
  return models
}

const bytes = (dims: number[], data: ArrayLike<number>): Tensor => ({
  type: 'uint8',
  dims,
  data: new Uint8Array(data),
})

/** One face per run of columns that holds white pixels. */
function findSquares({ dims, data }: Tensor): Tensors {
  const [height, width] = [dims[0]!, dims[1]!]
  const columns = Array.from({ length: width }, () => ({ top: height, bottom: -1 }))
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      if (data[at]! <= 190 || data[at + 1]! <= 190 || data[at + 2]! <= 190) continue
      const column = columns[x]!
      column.top = Math.min(column.top, y)
      column.bottom = y
    }
  }
  const boxes: number[][] = []
  for (let x = 0; x < width; x++) {
    if (columns[x]!.bottom < 0) continue
    const from = x
    let [top, bottom] = [height, -1]
    for (; x < width && columns[x]!.bottom >= 0; x++) {
      top = Math.min(top, columns[x]!.top)
      bottom = Math.max(bottom, columns[x]!.bottom)
    }
    if (x - from >= 12 && bottom - top >= 12) boxes.push([from, top, x, bottom + 1])
  }
  const f32 = (size: number[], values: number[]): Tensor => ({
    type: 'float32',
    dims: [boxes.length, ...size],
    data: Float32Array.from(values),
  })
  return {
    boxes: f32([4], boxes.flat()),
    scores: f32(
      [],
      boxes.map(() => 0.9),
    ),
    landmarks: f32([68, 2], boxes.flatMap(landmarksOf)),
  }
}

/** 68 points whose region (see face-box.ts) is the square itself: jaw below, brows and eyes above. */
export function landmarksOf([x1, y1, x2, y2]: readonly number[]): number[] {
  const [width, height] = [x2! - x1!, y2! - y1!]
  return Array.from({ length: 68 }, (_, i) => {
    const [across, down] = pointOf(i)
    return [x1! + width * across, y1! + height * down]
  }).flat()
}

function pointOf(i: number): [number, number] {
  if (i === 29) return [0.5, 0.5]
  if (i < 17) return [i / 16, 1]
  if (i < 36) return [(i % 17) / 16, 0.3]
  if (i < 48) return [i < 42 ? 0.3 : 0.7, 0.3]
  return [0.4 + (0.2 * (i - 48)) / 19, 0.75]
}

function readCode(crop: Tensor['data'], landmarks: Tensor['data']): number {
  const points = Array.from(landmarks, Number)
  const xs = points.filter((_, i) => i % 2 === 0)
  // Landmarks lie from 0.3 of the square's height to its lower edge.
  const ys = points.filter((_, i) => i % 2 === 1)
  const [low, high] = [Math.min(...ys), Math.max(...ys)]
  const square = [Math.min(...xs), high - (high - low) / 0.7, Math.max(...xs), high]
  let code = 0
  for (let bit = 0; bit < 8; bit++) {
    const [x, y] = eyebrow(square, bit).map(Math.round)
    if (crop[3 * (y! * SIDE + x!)]! < 128) code |= 1 << bit
  }
  return code
}

/** [1500, 1, 2]: how loud (mean of |samples|), and the number of the 20 ms step, from 1. */
function listen(pcm: Float32Array, from: number): Tensors {
  const data = new Float32Array(3000)
  for (let i = 0; i < 1500; i++) {
    let sum = 0
    for (let k = 0; k < 320; k++) sum += Math.abs(pcm[i * 320 + k]!)
    data[2 * i] = sum / 320
    data[2 * i + 1] = from + i + 1
  }
  return { states: { type: 'float32', dims: [1500, 1, 2], data } }
}

function paint(
  code: number,
  mouth: readonly [number, number, number],
  other: readonly [number, number, number],
): Uint8Array {
  const plain = Buffer.alloc(SIDE * 3, Buffer.from(mouth))
  const striped = Buffer.from(plain)
  const step = lip(1)[0] - lip(0)[0]
  for (let x = 0; x < SIDE; x++) {
    const bit = Math.round((x / SIDE - lip(0)[0]) / step)
    if (bit >= 0 && bit < 8 && (code >> bit) & 1) striped.set(other, 3 * x)
  }
  const rows = Array.from({ length: SIDE }, (_, y) =>
    Math.abs(y / SIDE - lip(0)[1]) < 0.12 ? striped : plain,
  )
  return Buffer.concat(rows)
}
