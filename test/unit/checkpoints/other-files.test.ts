import { writeFile } from 'node:fs/promises'
import { afterAll, expect, test } from 'vitest'
import { openCheckpoint } from '../../../models/checkpoints/open-checkpoint.ts'
import { folder } from '../../helpers/media/media.ts'
import { message } from '../../helpers/models/onnx.ts'
import { bytes, safetensorsFile } from '../../helpers/models/pickle-bytes.ts'

const place = await folder()
afterAll(() => place[Symbol.asyncDispose]())

async function open(content: Uint8Array) {
  const file = place.file('checkpoint')
  await writeFile(file, content)
  return openCheckpoint(file)
}

const F = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
})
const EIGHT = Buffer.alloc(8)

test('safetensors: a name that JavaScript has too is a name', async () => {
  await using checkpoint = await open(
    safetensorsFile(`{"__proto__":${JSON.stringify(F(0, 8))},"__metadata__":{"a":"b"}}`, EIGHT),
  )
  expect([...checkpoint.tensors.keys()]).toEqual(['__proto__'])
})

test.each([0x80, 0x108])(
  'safetensors: a header of %i bytes, a length like other magic',
  async (length) => {
    await using checkpoint = await open(
      safetensorsFile(JSON.stringify({ a: F(0, 8) }).padEnd(length), EIGHT),
    )
    expect(checkpoint.format).toBe('safetensors')
  },
)

test.each<[string, Uint8Array, RegExp]>([
  [
    'a header longer than the file',
    bytes(Buffer.from([255, 255, 0, 0, 0, 0, 0, 0]), '{}'),
    /a checkpoint of torch/,
  ],
  [
    'a header of gigabytes',
    bytes(Buffer.from([0, 0, 0, 1, 0, 0, 0, 128]), '{}'),
    /a checkpoint of torch/,
  ],
  [
    'a header of megabytes',
    safetensorsFile(`{${' '.repeat(5 << 20)}}`, EIGHT),
    /header of \d+ bytes; expected at most/,
  ],
  ['no JSON', safetensorsFile('{nothing', EIGHT), /not JSON/],
  ['JSON without end', safetensorsFile('{"a":'.repeat(100_000), EIGHT), /not JSON/],
  [
    'nested JSON',
    safetensorsFile(`{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, EIGHT),
    /"a" described wrongly/,
  ],
  ['a gap in front', safetensorsFile({ a: F(4, 8) }, EIGHT), /"a" at byte 4; expected byte 0/],
  [
    'an overlap',
    safetensorsFile({ a: F(0, 8), b: F(4, 8) }, EIGHT),
    /"b" at byte 4; expected byte 8/,
  ],
  [
    'bytes behind',
    safetensorsFile({ a: F(0, 4) }, EIGHT),
    /found \d+ bytes; expected \d+, as the header says/,
  ],
  ['bytes missing', safetensorsFile({ a: F(0, 12) }, EIGHT), /as the header says/],
  [
    'an end before its beginning',
    safetensorsFile({ a: F(0, 8), b: F(8, 4, [1]) }, EIGHT),
    /as the header says/,
  ],
  [
    'another size than its shape',
    safetensorsFile({ a: F(0, 8, [3]) }, EIGHT),
    /in 8 bytes; expected 12 bytes/,
  ],
  ['a negative axis', safetensorsFile({ a: F(0, 8, [-2]) }, EIGHT), /"a" described wrongly/],
  [
    'an axis beyond all numbers',
    safetensorsFile({ a: F(0, 8, [2 ** 60]) }, EIGHT),
    /"a" described wrongly/,
  ],
  [
    'a type of its own',
    safetensorsFile({ a: { ...F(0, 8), dtype: 'F4' } }, EIGHT),
    /"a" described wrongly.*F4/,
  ],
  [
    'no offsets',
    safetensorsFile({ a: { dtype: 'F32', shape: [2] } }, EIGHT),
    /"a" described wrongly/,
  ],
])('safetensors: %s', async (_, content, why) => {
  await expect(open(content)).rejects.toThrow(why)
})

type Tensor = Parameters<typeof message>[0]
const graph = (...tensors: Tensor[]) =>
  message([
    [1, 10],
    [7, message(tensors.map((tensor) => [5, message(tensor)]))],
  ])
const RAW: Tensor = [
  [1, 2],
  [2, 1],
  [8, 'w'],
  [9, EIGHT],
]
const but = (...fields: Tensor) => [
  ...RAW.filter(([field]) => !fields.some(([other]) => other === field)),
  ...fields,
]

test.each<[string, Uint8Array, RegExp]>([
  ['no weights', graph(), /no initializers/],
  ['weights elsewhere', graph([...RAW, [14, 1]]), /weights of "w" in another file/],
  ['a place of weights elsewhere', graph([...RAW, [13, 'location']]), /in another file/],
  ['too few bytes', graph(but([9, EIGHT.subarray(4)])), /in other than 8 bytes/],
  ['no bytes', graph(RAW.slice(0, 3)), /in other than 8 bytes/],
  ['text', graph(but([2, 8])), /"w" of element type 8/],
  ['two of one name', graph(RAW, RAW), /two tensors named "w"/],
  ['an axis of exabytes', graph(but([1, 2 ** 53])), /in other than/],
  [
    'many axes',
    graph([...RAW, ...Array<[number, number]>(40).fill([1, 1])]),
    /a tensor of many axes/,
  ],
  ['a long name', graph(but([8, 'w'.repeat(2000)])), /a name of 2000 bytes/],
  [
    'numbers without end',
    graph(but([2, 7], [9, ''], [7, Buffer.alloc(20, 0x80)])),
    /over ten bytes|in other than/,
  ],
  ['a message that ends outside', bytes(8, 10, 0x3a, 100, 'abc'), /no field of a message/],
  ['a group', bytes(8, 10, 0x3b, 0x3c), /no field of a message/],
  ['a length without end', bytes(8, 10, 0x3a, Buffer.alloc(20, 0xff)), /no field of a message/],
  ['half a fixed number', bytes(8, 10, 0x39, 1), /no field of a message/],
  [
    'a million fields',
    bytes(8, 10, Buffer.alloc(2_000_000, Buffer.from([8, 1]))),
    /half a million parts/,
  ],
])('onnx: %s', async (_, content, why) => {
  await expect(open(content)).rejects.toThrow(why)
})
