import { ITEM_BYTES } from '../element-types.ts'
import { quote, type PlacedTensor } from '../placed-tensors.ts'
import type { Refuse } from './pickle-machine.ts'
import { storageBytes, TorchTensor } from './torch-objects.ts'

/** mmpose keeps the tensors under this key, beside notes on the training. */
const WRAPPER = 'state_dict'

/**
 * The tensors of what a torch file holds, in its order.
 * @param placeOf byte of the file at which the storage of a key begins
 * @throws what `refuse` throws where it is no dict of tensors, or a tensor is larger than its storage
 */
export function stateDict(
  loaded: unknown,
  placeOf: (key: string) => number,
  refuse: Refuse,
): PlacedTensor[] {
  const wrapped = loaded instanceof Map ? (loaded.get(WRAPPER) ?? loaded) : loaded
  if (!(wrapped instanceof Map) || wrapped.size === 0) {
    refuse('something else than a dict of tensors', 'a state dict')
  }
  return [...(wrapped as Map<unknown, unknown>)].map(([name, tensor]) => {
    if (typeof name !== 'string' || !(tensor instanceof TorchTensor)) {
      const what = typeof name === 'string' ? quote(name) : 'a key that is no text'
      return refuse(`${what} that is no tensor`, 'a state dict, which holds tensors alone')
    }
    const { storage, offset, shape, strides } = tensor
    const item = ITEM_BYTES[storage.dtype]
    const begin = placeOf(storage.key) + storage.first * item
    return {
      ...{ name, dtype: storage.dtype, shape, strides },
      ...{ at: begin + offset * item, end: begin + storageBytes(storage) },
    }
  })
}
