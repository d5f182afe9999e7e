import { readFileSync } from 'node:fs'

export interface Array32 {
  shape: number[]
  data: Float32Array
}

/** Read a NumPy file of little-endian float32 in row-major order. */
export function readNpy(file: string): Array32 {
  const bytes = readFileSync(file)
  const long = bytes[6]! > 1 // the format's version decides how the header's length is written
  const start = long ? 12 : 10
  const length = long ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8)
  const header = bytes.toString('latin1', start, start + length)
  if (!/'descr': '<f4', 'fortran_order': False/.test(header)) throw new Error(`${file}: ${header}`)
  const shape = [.../'shape': \(([^)]*)\)/.exec(header)![1]!.matchAll(/\d+/g)].map(Number)
  return { shape, data: new Float32Array(new Uint8Array(bytes.subarray(start + length)).buffer) }
}

/** Item `i` along the first axis. */
export function item({ shape: [count, ...rest], data }: Array32, i: number): Array32 {
  const size = data.length / count!
  return { shape: rest, data: data.subarray(i * size, (i + 1) * size) }
}
