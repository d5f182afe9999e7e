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

test.each<{ shape: number[]; order: number[] }>([
  { shape: [3, 5], order: [1, 0] },
  { shape: [37, 41], order: [1, 0] },
  { shape: [4, 3, 2, 5], order: [0, 2, 3, 1] },
  { shape: [4, 3, 1, 1], order: [0, 2, 3, 1] },
  { shape: [2, 3, 4, 5], order: [3, 1, 0, 2] },
  { shape: [2, 3, 4], order: [0, 1, 2] },
  { shape: [7], order: [0] },
  { shape: [1, 1], order: [1, 0] },
  { shape: [], order: [] },
  { shape: [1024, 1100], order: [1, 0] },
  { shape: [3, 700, 600], order: [0, 2, 1] },
  { shape: [0, 4], order: [1, 0] },
])('$shape by $order', ({ shape, order }) => {
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
