/**
 * Element types that cross the door to ONNX Runtime. Half floats do not: onnxruntime-node 1.30 on Node 26
 * takes their bits for a Float16Array and loses them, so graphs cast inside.
 */
export interface TensorData {
  uint8: Uint8Array
  float32: Float32Array
}
export type TensorType = keyof TensorData

/** A dense row-major array. */
export type Tensor = {
  [T in TensorType]: { type: T; dims: readonly number[]; data: TensorData[T] }
}[TensorType]

export type Tensors = Record<string, Tensor>

/** Name, element type and shape of an input or output; a number is fixed, a string is free. */
export interface TensorSpec {
  name: string
  type: string
  shape: readonly (number | string)[]
}

const BYTES = { uint8: 1, float32: 4 } as const

export const elements = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1)

export const byteLength = (type: TensorType, dims: readonly number[]): number =>
  BYTES[type] * elements(dims)

/** View bytes as a tensor. `bytes` must start at a multiple of the element size. */
export function tensorOf(type: TensorType, dims: readonly number[], bytes: Uint8Array): Tensor {
  const { buffer, byteOffset } = bytes
  const count = elements(dims)
  switch (type) {
    case 'uint8':
      return { type, dims, data: new Uint8Array(buffer, byteOffset, count) }
    case 'float32':
      return { type, dims, data: new Float32Array(buffer, byteOffset, count) }
  }
}

export const tensorBytes = ({ data }: Tensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
