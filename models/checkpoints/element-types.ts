/** Bytes of one element, by numpy's name of its type; bfloat16 is torch's. */
export const ITEM_BYTES = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
} as const
export type DType = keyof typeof ITEM_BYTES

/** Strides, in elements, of a row-major tensor without gaps. */
export function denseStrides(shape: readonly number[]): number[] {
  let stride = 1
  return shape
    .toReversed()
    .map((size) => {
      const own = stride
      stride *= size
      return own
    })
    .toReversed()
}
