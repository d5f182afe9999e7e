import type { BinaryFile } from './binary-file.ts'
import type { Checkpoint } from './checkpoint.ts'
import { ITEM_BYTES, type DType } from './element-types.ts'
import { MAX_AXES, placeTensors, quote, type PlacedTensor } from './placed-tensors.ts'
import { ProtobufReader, type ProtobufField } from './protobuf-reader.ts'

// Field numbers of onnx.proto's messages.
const MODEL = { graph: 7 }
const GRAPH = { initializer: 5 }
const TENSOR = {
  dims: 1,
  type: 2,
  floats: 4,
  ints32: 5,
  ints64: 7,
  name: 8,
  raw: 9,
  doubles: 10,
  external: 13,
  location: 14,
}

const DTYPES: Partial<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  16: 'bfloat16',
}
/** Numbers of this many bytes are unpacked into memory; weights are written in other ways. */
const MAX_VARINT_BYTES = 16 << 20
const MAX_NAME_BYTES = 1 << 10

/** Whether a file that begins so may be a graph: its first field is the version of the format. */
export const looksLikeOnnx = (head: Buffer): boolean =>
  head.length > 2 && head[0] === 0x08 && head[1]! >= 1 && head[1]! < 32

/**
 * The initializers of an ONNX graph, by name.
 * @throws CheckpointError for weights that lie in another file too
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export async function openOnnxInitializers(file: BinaryFile): Promise<Checkpoint> {
  const reader = new ProtobufReader(file)
  const budget = { varints: MAX_VARINT_BYTES }
  const placed: PlacedTensor[] = []
  for await (const graph of reader.fields(0, file.size)) {
    if (graph.number !== MODEL.graph || graph.kind !== 'bytes') continue
    for await (const field of reader.fields(graph.at, graph.end)) {
      if (field.number !== GRAPH.initializer || field.kind !== 'bytes') continue
      placed.push(await readTensor(file, reader, field, budget))
    }
  }
  if (placed.length === 0) file.fail('no initializers', 'an ONNX graph with its weights')
  return placeTensors(file, 'onnx', placed)
}

type Span = Extract<ProtobufField, { kind: 'bytes' }>

async function readTensor(
  file: BinaryFile,
  reader: ProtobufReader,
  { at, end }: Span,
  budget: { varints: number },
): Promise<PlacedTensor> {
  const shape: number[] = []
  let type = 0
  let name = ''
  let data: Span | undefined
  for await (const field of reader.fields(at, end)) {
    if (field.number === TENSOR.dims) await readSizes(file, reader, field, shape)
    else if (field.number === TENSOR.type && field.kind === 'varint') type = field.value
    else if (field.number === TENSOR.name && field.kind === 'bytes')
      name = await readName(file, field)
    else if (
      field.number === TENSOR.external ||
      (field.number === TENSOR.location && isExternal(field))
    ) {
      file.fail(`weights of ${quote(name)} in another file`, 'a graph with its weights inside')
    } else if (DATA_FIELDS.has(field.number)) {
      if (field.kind !== 'bytes')
        return file.fail(`${quote(name)} number by number`, 'packed numbers')
      data = field
    }
  }
  const dtype = DTYPES[type]
  if (!dtype) return file.fail(`${quote(name)} of element type ${type}`, 'numbers')
  const span = data ?? { number: TENSOR.raw, kind: 'bytes', at: end, end }
  const dense = shape.reduce((product, size) => product * size, ITEM_BYTES[dtype])
  const packed = span.number === TENSOR.ints32 || span.number === TENSOR.ints64
  const bytes = packed ? await unpack(file, span, dtype, budget) : span.end - span.at
  if ((typeof bytes === 'number' ? bytes : bytes.length) !== dense) {
    file.fail(`${quote(name)}, ${dtype} [${shape}], in other than ${dense} bytes`, 'as many')
  }
  return { name, dtype, shape, at: typeof bytes === 'number' ? span.at : bytes, end: span.end }
}

const DATA_FIELDS: ReadonlySet<number> = new Set([
  TENSOR.floats,
  TENSOR.ints32,
  TENSOR.ints64,
  TENSOR.raw,
  TENSOR.doubles,
])
const isExternal = (field: ProtobufField) => field.kind === 'varint' && field.value !== 0

async function readSizes(
  file: BinaryFile,
  reader: ProtobufReader,
  field: ProtobufField,
  into: number[],
): Promise<void> {
  if (field.kind === 'varint') into.push(field.value)
  if (field.kind === 'bytes') {
    for (let at = field.at; at < field.end && into.length <= MAX_AXES;) {
      const { value, end } = await reader.varint(at, field.end)
      into.push(value)
      at = end
    }
  }
  if (into.length > MAX_AXES) file.fail('a tensor of many axes', `at most ${MAX_AXES}`)
}

async function readName(file: BinaryFile, { at, end }: Span): Promise<string> {
  if (end - at > MAX_NAME_BYTES) file.fail(`a name of ${end - at} bytes`, 'a name')
  return (await file.slice(at, end - at)).toString()
}

/** Packed numbers of variable length as a dense tensor; half floats come as their bits. */
async function unpack(
  file: BinaryFile,
  { at, end }: Span,
  dtype: DType,
  budget: { varints: number },
): Promise<Uint8Array> {
  budget.varints -= end - at
  if (budget.varints < 0) file.fail('megabytes of numbers, each packed', 'weights as raw bytes')
  const packed = await file.slice(at, end - at)
  const item = ITEM_BYTES[dtype]
  const made = Buffer.alloc(packed.filter((byte) => byte < 128).length * item)
  let value = 0n
  let shift = 0n
  let to = 0
  for (const byte of packed) {
    value |= BigInt(byte & 127) << shift
    shift += 7n
    if (byte < 128) {
      const bits = Buffer.alloc(8)
      bits.writeBigUInt64LE(BigInt.asUintN(64, value))
      bits.copy(made, to, 0, item)
      to += item
      value = 0n
      shift = 0n
    } else if (shift > 63n) file.fail('a number of over ten bytes', 'packed numbers')
  }
  return made
}
