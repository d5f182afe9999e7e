import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** @see onnx/onnx.proto for the field numbers below */
export type Fields = [number, number | string | Uint8Array][]

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

export function message(fields: Fields): Uint8Array {
  const parts = fields.map(([field, value]) => {
    if (typeof value === 'number') return Uint8Array.from([...varint(field * 8), ...varint(value)])
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    return Buffer.concat([
      Uint8Array.from([...varint(field * 8 + 2), ...varint(bytes.length)]),
      bytes,
    ])
  })
  return Buffer.concat(parts)
}

function value(name: string, width: number): Uint8Array {
  const dims: Fields = [
    [1, message([[2, 'N']])],
    [1, message([[1, width]])],
  ]
  const tensor = message([
    [1, 1],
    [2, message(dims)],
  ])
  return message([
    [1, name],
    [2, message([[1, tensor]])],
  ])
}

export interface Product {
  input: string
  output: string
  /** Rows and columns of the weights; every weight is 1 / rows. */
  rows: number
  columns: number
  /** Keep the weights in `<name>.data`. */
  beside?: boolean
}

/**
 * Write a graph whose output [N, columns] is the mean of its input's row [N, rows], in each column.
 * @returns its entry in a manifest
 */
export async function writeProduct(folder: string, name: string, of: Product) {
  const { input, output, rows, columns, beside } = of
  const weights = new Float32Array(rows * columns).fill(1 / rows)
  const bytes = new Uint8Array(weights.buffer)
  const place = (key: string, text: string): [number, Uint8Array] => [
    13,
    message([
      [1, key],
      [2, text],
    ]),
  ]
  const storage: Fields = beside
    ? [place('location', `${name}.data`), place('length', String(bytes.length)), [14, 1]]
    : [[9, bytes]]
  const product = message([
    ...([input, 'weights'].map((each) => [1, each]) as Fields),
    [2, output],
    [4, 'MatMul'],
  ])
  const initializer = message([[1, rows], [1, columns], [2, 1], [8, 'weights'], ...storage])
  const graph = message([
    [1, product],
    [2, name],
    [5, initializer],
    [11, value(input, rows)],
    [12, value(output, columns)],
  ])
  const opset = message([[2, 20]])
  const model = message([
    [1, 10],
    [7, graph],
    [8, opset],
  ])
  const file = await written(folder, `${name}.onnx`, model)
  const data = beside && [await written(folder, `${name}.data`, bytes)]
  return { ...file, ...(data && { data }), license: 'none', origin: 'test' }
}

async function written(folder: string, file: string, bytes: Uint8Array) {
  await writeFile(join(folder, file), bytes)
  return { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}
