// Imported by kernels. In a folder of its own, since what a file beside them exports is exported by kernels.wasm.

/** Bytes of the lower halves in turn: a0 b0 a1 b1 … */
export function interleaveLow(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
}

/** Bytes of the upper halves in turn: a8 b8 a9 b9 … */
export function interleaveHigh(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
}
