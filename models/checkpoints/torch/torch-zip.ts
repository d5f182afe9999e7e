import type { BinaryFile } from '../binary-file.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { placeTensors, quote } from '../placed-tensors.ts'
import { PickleTruncated, type Refuse } from './pickle-machine.ts'
import { storageBytes, torchNames } from './torch-objects.ts'
import { stateDict } from './torch-state-dict.ts'
import { unpickle } from './unpickle.ts'
import { readZipEntries } from './zip-archive.ts'

/** Training logs may lie beside the tensors; the description of these alone takes some 100 KB. */
export const MAX_PICKLE_BYTES = 64 << 20

/**
 * A file of torch 1.6 and later: a zip archive of one pickle and a file for each storage.
 * @throws CheckpointError
 * @see torch/serialization.py, _save
 */
export async function openTorchZip(file: BinaryFile): Promise<Checkpoint> {
  const refuse: Refuse = (found, expected, cause) => file.fail(found, expected, cause)
  const entries = await readZipEntries(file)
  const folders = [...entries.keys()].flatMap(
    (name) => /^([^/]+)\/data\.pkl$/.exec(name)?.[1] ?? [],
  )
  if (folders.length !== 1) {
    refuse(`a zip archive with ${folders.length} files data.pkl`, 'an archive of torch.save')
  }
  const folder = folders[0]!
  if (entries.has(`${folder}/constants.pkl`)) {
    refuse('a TorchScript program', 'the state dict of a network')
  }
  const read = async (name: string, most: number) => {
    const entry = entries.get(`${folder}/${name}`)
    if (!entry) return undefined
    if (entry.bytes > most)
      refuse(`${quote(entry.name)} of ${entry.bytes} bytes`, `at most ${most}`)
    return file.slice(entry.at, entry.bytes)
  }
  const order = await read('byteorder', 16)
  if (order && order.toString() !== 'little') refuse(`byte order ${quote(`${order}`)}`, '"little"')

  const { names, storages } = torchNames(refuse)
  const loaded = unpickleWhole((await read('data.pkl', MAX_PICKLE_BYTES))!, names, refuse)
  const placeOf = (key: string) => {
    const entry = entries.get(`${folder}/data/${key}`)
    const bytes = storageBytes(storages.get(key)!)
    if (entry?.bytes === bytes) return entry.at
    const found = entry
      ? `storage ${quote(key)} of ${entry.bytes} bytes`
      : `no storage ${quote(key)}`
    return refuse(found, `${bytes} bytes, as the pickle says`)
  }
  return placeTensors(file, 'torch zip', stateDict(loaded, placeOf, refuse))
}

function unpickleWhole(bytes: Buffer, ...rest: [Parameters<typeof unpickle>[2], Refuse]): unknown {
  try {
    return unpickle(bytes, 0, ...rest).value
  } catch (error) {
    if (!(error instanceof PickleTruncated)) throw error
    return rest[1]('a pickle that is cut off', 'its end', error)
  }
}
