import * as v from 'valibot'
import type { BinaryFile } from './binary-file.ts'
import type { Checkpoint } from './checkpoint.ts'
import { ITEM_BYTES, type DType } from './element-types.ts'
import { MAX_AXES, placeTensors, quote } from './placed-tensors.ts'

const DTYPES = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
} as const satisfies Record<string, DType>

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const Tensor = v.object({
  dtype: v.picklist(Object.keys(DTYPES) as (keyof typeof DTYPES)[]),
  shape: v.pipe(v.array(size), v.maxLength(MAX_AXES)),
  data_offsets: v.tuple([size, size]),
})
const LENGTH_BYTES = 8
/** Official headers have some 100 KB. */
const MAX_HEADER_BYTES = 4 << 20

/** Whether a file that begins so may be one: a length that fits into it, and the first brace of JSON. */
export function looksLikeSafetensors(head: Buffer, fileBytes: number): boolean {
  if (head.length <= LENGTH_BYTES || head[LENGTH_BYTES] !== 0x7b) return false
  return Number(head.readBigUInt64LE()) <= fileBytes - LENGTH_BYTES
}

/**
 * A safetensors file: the length of a JSON header, the header, the tensors without gaps.
 * @throws CheckpointError
 * @see https://huggingface.co/docs/safetensors
 */
export async function openSafetensors(file: BinaryFile): Promise<Checkpoint> {
  const length = Number((await file.slice(0, LENGTH_BYTES)).readBigUInt64LE())
  if (length > MAX_HEADER_BYTES) {
    file.fail(`a header of ${length} bytes`, `at most ${MAX_HEADER_BYTES}`)
  }
  const base = LENGTH_BYTES + length
  const tensors = parseHeader(file, await file.slice(LENGTH_BYTES, length))
  refuseGaps(file, base, tensors)
  const placed = tensors.map(({ name, dtype, shape, data_offsets: [begin, end] }) => {
    const own = shape.reduce((product, axis) => product * axis, ITEM_BYTES[DTYPES[dtype]])
    if (own !== end - begin) {
      file.fail(`${quote(name)}, ${dtype} [${shape}], in ${end - begin} bytes`, `${own} bytes`)
    }
    return { name, dtype: DTYPES[dtype], shape, at: base + begin, end: base + end }
  })
  return placeTensors(file, 'safetensors', placed)
}

type Named = v.InferOutput<typeof Tensor> & { name: string }

function parseHeader(file: BinaryFile, header: Buffer): Named[] {
  let read: unknown
  try {
    read = JSON.parse(header.toString())
  } catch (cause) {
    file.fail('a header that is not JSON', 'a safetensors file', cause)
  }
  if (typeof read !== 'object' || read === null) return file.fail('no header', 'a JSON object')
  return Object.entries(read).flatMap(([name, value]) => {
    if (name === '__metadata__') return []
    const parsed = v.safeParse(Tensor, value)
    if (parsed.success) return [{ ...parsed.output, name }]
    const why = v.summarize(parsed.issues).replaceAll('\n', ' ').slice(0, 300)
    return file.fail(`${quote(name)} described wrongly (${why})`, 'dtype, shape and data_offsets')
  })
}

/** Bytes that belong to no tensor, or to two, are what a file hides something in. */
function refuseGaps(file: BinaryFile, base: number, tensors: readonly Named[]): void {
  let end = 0
  for (const { name, data_offsets } of tensors.toSorted(
    ({ data_offsets: one }, { data_offsets: other }) => one[0] - other[0] || one[1] - other[1],
  )) {
    if (data_offsets[0] !== end) {
      file.fail(`${quote(name)} at byte ${data_offsets[0]}`, `byte ${end}: no gaps, no overlaps`)
    }
    end = data_offsets[1]
  }
  if (base + end !== file.size) {
    file.fail(`${file.size} bytes`, `${base + end}, as the header says`)
  }
}
