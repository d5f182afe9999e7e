import type { DType } from './element-types.ts'

export type CheckpointFormat = 'torch zip' | 'torch legacy' | 'safetensors' | 'onnx'

export interface CheckpointTensor {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /** In elements, as they lie in the file. */
  readonly strides: readonly number[]
  /** Of the tensor as `read` gives it. */
  readonly bytes: number
}

/** The named tensors of a file; none is in memory before it is asked for. */
export interface Checkpoint extends AsyncDisposable {
  readonly file: string
  readonly format: CheckpointFormat
  readonly tensors: ReadonlyMap<string, CheckpointTensor>
  /**
   * Fill `target` with a tensor's bytes from byte `at` on: row-major without gaps, little-endian,
   * whatever its strides in the file are. Both `at` and the length are multiples of the item's bytes.
   * @throws CheckpointError
   */
  read(tensor: CheckpointTensor, target: Uint8Array, at: number): Promise<void>
}
