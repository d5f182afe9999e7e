/**
 * The same memory as a Buffer, for its `copy`: where either side is shared between threads, a typed
 * array's `set` moves word by word, and byte by byte where an address is odd, ten times as slowly. Other
 * than `set`, `copy` ends silently where the target does.
 */
export const bufferOver = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
