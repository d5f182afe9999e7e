import { expect, test } from 'vitest'
import { permuteAxes } from '../../../models/templates/permutation.ts'

/** As numpy defines it, index by index. */
function permuted(source: Float32Array, shape: number[], order: number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((n, size) => n * size, 1))
  return source.map((_, index) => {
    let place = 0
    for (const axis of order.toReversed()) {
      place += (index % shape[axis]!) * strides[axis]!
      index = Math.floor(index / shape[axis]!)
    }
    return source[place]!
  })
}

test.each<[shape: number[], order: number[]]>([
  [
    [3, 5],
    [1, 0],
  ],
  [
    [37, 41],
    [1, 0],
  ],
  [
    [4, 3, 2, 5],
    [0, 2, 3, 1],
  ],
  [
    [4, 3, 1, 1],
    [0, 2, 3, 1],
  ],
  [
    [2, 3, 4, 5],
    [3, 1, 0, 2],
  ],
  [
    [2, 3, 4],
    [0, 1, 2],
  ],
  [[7], [0]],
  [
    [1, 1],
    [1, 0],
  ],
  [[], []],
  [
    [1024, 1500],
    [1, 0],
  ],
  [
    [3, 1200, 1000],
    [0, 2, 1],
  ],
  [
    [0, 4],
    [1, 0],
  ],
])('%j by %j', (shape, order) => {
  const source = new Float32Array(shape.reduce((n, size) => n * size, 1)).map((_, i) => i)
  const made = [...permuteAxes(source, shape, order)].length
  const pieces: number[] = []
  const whole = new Float32Array(source.length)
  let at = 0
  for (const piece of permuteAxes(source, shape, order)) {
    whole.set(piece, at)
    at += piece.length
    pieces.push(piece.length)
  }
  expect(pieces.length).toBe(made)
  expect(at).toBe(source.length)
  expect(Math.max(0, ...pieces), 'in pieces').toBeLessThanOrEqual(1 << 20)
  expect(Buffer.compare(bytes(whole), bytes(permuted(source, shape, order)))).toBe(0)
})

const bytes = ({ buffer }: Float32Array) => new Uint8Array(buffer as ArrayBuffer)
