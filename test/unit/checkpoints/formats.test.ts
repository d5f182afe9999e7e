import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Checkpoint } from '../../../models/checkpoints/checkpoint.ts'
import { openCheckpoint } from '../../../models/checkpoints/open-checkpoint.ts'
import { golden } from '../../helpers/fixture-paths.ts'

type Described = Record<string, [dtype: string, shape: number[], base64: string]>
const expected = JSON.parse(readFileSync(golden('formats/expected.json'), 'utf8')) as Record<
  string,
  Described
>

async function describe(checkpoint: Checkpoint, piece = Infinity): Promise<Described> {
  const described: Described = {}
  for (const tensor of checkpoint.tensors.values()) {
    const data = Buffer.alloc(tensor.bytes, 0xee)
    for (let at = 0; at < data.length; at += piece) {
      await checkpoint.read(tensor, data.subarray(at, at + piece), at)
    }
    described[tensor.name] = [tensor.dtype, [...tensor.shape], data.toString('base64')]
  }
  return described
}

test.each([
  ['zip.pth', 'torch zip'],
  ['legacy.pth', 'torch legacy'],
  ['plain.safetensors', 'safetensors'],
  ['graph.onnx', 'onnx'],
  ['protocol-4.pth', 'torch zip'],
  ['bare.pth', 'torch zip'],
])('%s: every tensor that Python reads, element for element', async (file, format) => {
  await using checkpoint = await openCheckpoint(golden(`formats/${file}`))
  expect(checkpoint.format).toBe(format)
  expect(await describe(checkpoint)).toEqual(expected[file])
  expect(await describe(checkpoint, 8), 'and the same in pieces').toEqual(expected[file])
})

test('views keep their strides, and tied weights are both there', async () => {
  await using checkpoint = await openCheckpoint(golden('formats/zip.pth'))
  expect(checkpoint.tensors.get('transposed')).toMatchObject({
    shape: [4, 2, 3],
    strides: [1, 12, 4],
  })
  expect(checkpoint.tensors.get('tied')?.bytes).toBe(8)
  expect([...checkpoint.tensors.keys()].slice(0, 2), "in the file's order").toEqual([
    '0.weight',
    '0.bias',
  ])
})

test('a range must lie in the tensor', async () => {
  await using checkpoint = await openCheckpoint(golden('formats/zip.pth'))
  const tensor = checkpoint.tensors.get('transposed')!
  await expect(checkpoint.read(tensor, Buffer.alloc(100), 0)).rejects.toThrow(RangeError)
  await expect(checkpoint.read(tensor, Buffer.alloc(2), 0)).rejects.toThrow(/between elements/)
})
