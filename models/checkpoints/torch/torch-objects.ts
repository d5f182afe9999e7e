import { ITEM_BYTES, type DType } from '../element-types.ts'
import { MAX_AXES, quote } from '../placed-tensors.ts'
import { OPAQUE, type Builder, type PickleNames, type Refuse } from './pickle-machine.ts'

const MAX_PAIRS = 1_000_000

/** A stretch of elements that tensors are views of. */
export interface TorchStorage {
  key: string
  dtype: DType
  /** Elements. */
  count: number
  /** First of them within the storage of that key. */
  first: number
}

/** A tensor as a pickle describes it: sizes in elements, nothing proven yet. */
export class TorchTensor {
  readonly storage: TorchStorage
  readonly offset: number
  readonly shape: number[]
  readonly strides: number[]
  constructor(storage: TorchStorage, offset: number, shape: number[], strides: number[]) {
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }
}

/** Pickled tensors name their element type by the class of their storage. */
class StorageType {
  readonly dtype: DType
  constructor(dtype: DType) {
    this.dtype = dtype
  }
}

const STORAGES: readonly (readonly [string, DType])[] = [
  ['DoubleStorage', 'float64'],
  ['FloatStorage', 'float32'],
  ['HalfStorage', 'float16'],
  ['BFloat16Storage', 'bfloat16'],
  ['LongStorage', 'int64'],
  ['IntStorage', 'int32'],
  ['ShortStorage', 'int16'],
  ['CharStorage', 'int8'],
  ['ByteStorage', 'uint8'],
  ['BoolStorage', 'bool'],
]

/**
 * The Python names of a torch pickle that tensors and their containers need, and the storages that the
 * pickle speaks of, by their keys.
 * @param refuse for tensors and storages that are described wrongly
 */
export function torchNames(refuse: Refuse): {
  names: PickleNames
  storages: ReadonlyMap<string, TorchStorage>
} {
  const storages = new Map<string, TorchStorage>()
  const wrong = (what: string, args: unknown[]): never =>
    refuse(
      `a ${what} of ${args.length} parts that do not make one`,
      `a ${what} as torch.save writes it`,
    )

  const tensor: Builder = (args) => {
    const [storage, offset, shape, strides] = args
    if (!isStorage(storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
      return wrong('tensor', args)
    }
    return new TorchTensor(storage, offset, shape, strides)
  }
  const first: Builder = (args) => args[0]
  const globals = new Map<string, unknown>([
    ['collections OrderedDict', orderedDict(refuse)],
    ['torch Size', first],
    ['torch._utils _rebuild_tensor', tensor],
    ['torch._utils _rebuild_tensor_v2', tensor],
    ['torch._utils _rebuild_parameter', first],
    ...STORAGES.flatMap(([name, dtype]) =>
      ['torch', 'torch.cuda'].map(
        (module) => [`${module} ${name}`, new StorageType(dtype)] as const,
      ),
    ),
  ])

  const load = (id: unknown): unknown => {
    if (!Array.isArray(id)) return wrong('storage', [id])
    const [kind, type, key, , count, view] = id as unknown[]
    // Files of before 1.6 keep the source code of classes beside them: text that nobody runs.
    if (kind === 'module') return OPAQUE
    if (
      kind !== 'storage' ||
      !(type instanceof StorageType) ||
      typeof key !== 'string' ||
      !isSize(count)
    ) {
      return wrong('storage', id)
    }
    const whole = { key, dtype: type.dtype, count, first: 0 }
    const known = storages.get(key)
    if (known && (known.dtype !== whole.dtype || known.count !== count)) {
      const told = `${known.count} ${known.dtype} and ${count} ${whole.dtype}`
      refuse(`storage ${quote(key)} said to be ${told}`, 'one size and type')
    }
    storages.set(key, whole)
    if (view === undefined || view === null) return whole
    const [, offset, size] = Array.isArray(view) ? (view as unknown[]) : []
    if (!isSize(offset) || !isSize(size) || offset + size > count) return wrong('storage', id)
    return { ...whole, first: offset, count: size }
  }
  return { names: { find: (module, name) => globals.get(`${module} ${name}`), load }, storages }
}

/** Made empty and filled afterwards by Python 3; of a list of pairs by Python 2. */
function orderedDict(refuse: Refuse): Builder {
  let left = MAX_PAIRS
  return ([pairs]) => {
    if (!Array.isArray(pairs)) return new Map()
    // One list may be named again and again.
    left -= pairs.length
    if (left < 0) refuse(`dicts of over ${MAX_PAIRS} pairs`, 'a few tensors')
    return new Map(pairs.filter((pair) => Array.isArray(pair)) as [unknown, unknown][])
  }
}

const isStorage = (value: unknown): value is TorchStorage =>
  typeof value === 'object' && value !== null && 'dtype' in value && 'first' in value

const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= MAX_AXES && value.every(isSize)

export const storageBytes = ({ count, dtype }: TorchStorage): number => count * ITEM_BYTES[dtype]
