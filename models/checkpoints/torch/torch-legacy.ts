import type { BinaryFile } from '../binary-file.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { placeTensors, quote } from '../placed-tensors.ts'
import { PickleTruncated, type PickleNames, type Refuse } from './pickle-machine.ts'
import { storageBytes, torchNames, type TorchStorage } from './torch-objects.ts'
import { stateDict } from './torch-state-dict.ts'
import { MAX_PICKLE_BYTES } from './torch-zip.ts'
import { unpickle } from './unpickle.ts'

/** How a pickle of protocol 2 and later begins. */
const PICKLE_MARK = 0x80
const MAGIC = 0x1950a86a20f9469cfc6cn
const PROTOCOL = 1001
/** In front of the bytes of a storage: how many elements it has. */
const COUNT_BYTES = 8
const FIRST_READ_BYTES = 1 << 20

/** Whether a file that begins so may be one. */
export const looksLikePickle = (head: Buffer): boolean => head[0] === PICKLE_MARK

/**
 * A file of torch before 1.6: five pickles (magic number, protocol, system, objects, keys of the storages),
 * then the storages in the order of the keys.
 * @throws CheckpointError
 * @see torch/serialization.py, _legacy_save
 */
export async function openTorchLegacy(file: BinaryFile): Promise<Checkpoint> {
  const refuse: Refuse = (found, expected, cause) => file.fail(found, expected, cause)
  const { loaded, keys, storages, end } = await readPickles(file, refuse)
  const places = new Map<string, number>()
  let at = end
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined
    if (!storage || places.has(storage.key)) {
      return refuse(
        `a list of storages with ${quote(String(key))}`,
        'the storages of the tensors, once each',
      )
    }
    const count = Number((await file.slice(at, COUNT_BYTES)).readBigInt64LE())
    if (count !== storage.count) {
      refuse(`${count} elements in storage ${quote(storage.key)}`, `${storage.count}`)
    }
    places.set(storage.key, at + COUNT_BYTES)
    at += COUNT_BYTES + storageBytes(storage)
    if (at > file.size) refuse(`storages up to byte ${at} of ${file.size}`, 'a whole file')
  }
  const placeOf = (key: string) =>
    places.get(key) ?? refuse(`no storage ${quote(key)}`, 'all of them')
  return placeTensors(file, 'torch legacy', stateDict(loaded, placeOf, refuse))
}

interface Pickles {
  loaded: unknown
  keys: readonly unknown[]
  storages: ReadonlyMap<string, TorchStorage>
  /** Byte at which the storages begin. */
  end: number
}

/** How long the pickles are stands nowhere: more of the file is read until they end. */
async function readPickles(file: BinaryFile, refuse: Refuse): Promise<Pickles> {
  for (let length = FIRST_READ_BYTES; ; length *= 8) {
    const head = await file.slice(0, Math.min(length, file.size, MAX_PICKLE_BYTES))
    try {
      return parsePickles(head, refuse)
    } catch (error) {
      if (!(error instanceof PickleTruncated)) throw error
      if (head.length === file.size) refuse('a pickle that is cut off', 'its end', error)
      if (head.length === MAX_PICKLE_BYTES) {
        refuse(
          `a pickle of over ${MAX_PICKLE_BYTES} bytes`,
          'the description of a few tensors',
          error,
        )
      }
    }
  }
}

function parsePickles(head: Buffer, refuse: Refuse): Pickles {
  const { names, storages } = torchNames(refuse)
  let end = 0
  const next = (from: PickleNames = NO_NAMES) => {
    const read = unpickle(head, end, from, refuse)
    end = read.end
    return read.value
  }
  if (next() !== MAGIC) refuse('a pickle of something else', "torch's magic number in front")
  const protocol = next()
  if (protocol !== PROTOCOL) refuse(`protocol ${String(protocol)}`, `${PROTOCOL}`)
  const system = next()
  if (!(system instanceof Map) || system.get('little_endian') !== true) {
    refuse('bytes of a big-endian machine, or no word on it', 'little-endian bytes')
  }
  const loaded = next(names)
  const keys = next()
  if (!Array.isArray(keys)) return refuse('no list of storages', 'one behind the tensors')
  return { loaded, keys, storages, end }
}

const NO_NAMES: PickleNames = { find: () => undefined, load: () => undefined }
