import { writeFile } from 'node:fs/promises'
import { afterAll, expect, test } from 'vitest'
import { CheckpointError } from '../../../models/checkpoints/errors.ts'
import { openCheckpoint } from '../../../models/checkpoints/open-checkpoint.ts'
import { folder } from '../../helpers/media/media.ts'
import {
  bytes,
  dict,
  int,
  legacyFile,
  name,
  pickle,
  tensor,
  text,
  torchZip,
  tuple,
  zipFile,
} from '../../helpers/models/pickle-bytes.ts'

const place = await folder()
afterAll(() => place[Symbol.asyncDispose]())

async function open(content: Uint8Array) {
  const file = place.file('checkpoint.pth')
  await writeFile(file, content)
  return openCheckpoint(file)
}

const FLOATS = Buffer.from(new Float32Array([1, 2, 3, 4]).buffer)
const zip = (object: Buffer, floats = FLOATS) => torchZip(object, { 0: floats })
const one = (of?: Parameters<typeof tensor>[0]) => pickle(dict({ w: tensor({ count: 4, ...of }) }))

async function values(content: Uint8Array): Promise<Record<string, number[]>> {
  await using checkpoint = await open(content)
  const read: Record<string, number[]> = {}
  for (const of of checkpoint.tensors.values()) {
    const data = new Float32Array(of.bytes / 4)
    await checkpoint.read(of, new Uint8Array(data.buffer), 0)
    read[of.name] = [...data]
  }
  return read
}

test('a file of the first torch versions: short strings, the first rebuild function, views', async () => {
  const pairs = bytes(
    '](]',
    bytes('(', 'U', 1, 'w', tensor({ count: 4, rebuild: '_rebuild_tensor' })),
    'ee',
  )
  const ordered = pickle(name('collections', 'OrderedDict'), tuple(pairs), 'R')
  expect(await values(legacyFile(ordered, [['0', 4, FLOATS]]))).toEqual({ w: [1, 2] })
  const viewed = pickle(dict({ w: tensor({ count: 4, view: ['v', 1, 3], offset: 1 }) }))
  expect(await values(legacyFile(viewed, [['0', 4, FLOATS]]))).toEqual({ w: [3, 4] })
})

test('what is neither tensor nor container does nothing', async () => {
  const evil = bytes(name('os', 'system'), tuple(text('touch /tmp/owned')), 'R')
  const built = bytes(name('some', 'Class'), ')\x81', dict({ a: int(1) }), 'b')
  const filled = bytes(name('some', 'Dict'), ')R', text('k'), int(1), 's', int(1), 'a')
  const notes = dict({ evil, built, filled, state_dict: dict({ w: tensor({ count: 4 }) }) })
  expect(await values(zip(pickle(notes)))).toEqual({ w: [1, 2] })
})

const RUN = bytes(name('os', 'system'), tuple(text('true')), 'R')
const NESTED = Buffer.alloc(100_000, '(')
const LISTS = Buffer.alloc(1_200_000, ']')
const LONG_LIST = bytes('(', Buffer.alloc(200_000, 'N'), 'lq', 0)
const pairsAgain = bytes(name('collections', 'OrderedDict'), 'h', 0, 0x85, 'R')
const shapeAgain = bytes(name('torch._utils', '_rebuild_tensor'), '(', 'h', 0, 'h', 0, 'tR')

test.each<[string, Uint8Array, RegExp]>([
  [
    'a call where tensors belong',
    zip(pickle(dict({ w: RUN }))),
    /"w" that is no tensor.*state dict/,
  ],
  ['a call and nothing else', zip(pickle(RUN)), /something else than a dict/],
  ['no tensors', zip(pickle('}')), /something else than a dict/],
  ['a number as a name', zip(pickle('}', int(1), tensor(), 's')), /a key that is no text/],
  ['marks in marks', zip(pickle(NESTED)), /nested deeper than/],
  ['a million lists', zip(pickle(LISTS)), /over a million steps/],
  [
    'one list in a thousand dicts',
    zip(pickle(LONG_LIST, ...Array<Buffer>(1000).fill(pairsAgain))),
    /pairs/,
  ],
  ['one list as a shape', zip(pickle(LONG_LIST, shapeAgain)), /a tensor of 2 parts/],
  ['a long of 2 GB', zip(pickle(0x8b, 'JJJJ')), /cut off/],
  ['a text of exabytes', zip(pickle(0x8d, 'JJJJJJJJ')), /cut off/],
  ['a module without end', zip(pickle('c', 'x'.repeat(5000), '\n')), /over 4096 letters/],
  ['a value that was never made', zip(pickle('h', 7)), /recalls what it never made \(7\)/],
  ['an empty stack', zip(pickle('0')), /empty stack/],
  ['no mark', zip(pickle('t')), /no mark/],
  ['an unknown opcode', zip(pickle(0xff)), /opcode 0xff at byte 2/],
  ['an extension code', zip(pickle(0x82, 1)), /opcode 0x82/],
  ['a protocol of tomorrow', zip(bytes(0x80, 9, '.')), /protocol 9/],
  ['no end', zip(bytes(0x80, 2, '}')), /cut off/],
  [
    'a storage of something',
    zip(pickle(dict({ w: bytes(tuple(text('x')), 'Q') }))),
    /a storage of 1 parts/,
  ],
  ['a storage id that is a number', zip(pickle(int(1), 'Q')), /a storage of 1 parts/],
  ['negative sizes', zip(one({ shape: [0xffffffff] })), /a tensor of 6 parts/],
  ['a negative offset', zip(one({ offset: 0xffffffff })), /a tensor of 6 parts/],
  [
    'an offset beyond the storage',
    zip(one({ offset: 3 })),
    /"w" of 8 bytes, reaching over 8, where 4 are/,
  ],
  [
    'an element beyond it',
    zip(one({ shape: [3], strides: [2] })),
    /reaching over 20, where 16 are/,
  ],
  [
    'a shape beyond all files',
    zip(one({ shape: [65536, 65536, 65536], strides: [0, 0, 0] })),
    /a tensor inside/,
  ],
  ['an axis without a stride', zip(one({ shape: [1, 2] })), /shape \[1,2\], strides \[1\]/],
  [
    'many axes',
    zip(one({ shape: Array(99).fill(1), strides: Array(99).fill(1) })),
    /a tensor of 6 parts/,
  ],
  [
    'a storage of another size',
    zip(one(), FLOATS.subarray(4)),
    /storage "0" of 12 bytes; expected 16/,
  ],
  ['no storage', zip(one({ key: '../0' })), /no storage "..\/0"/],
  [
    'a storage of two types',
    zip(pickle(dict({ v: tensor({ count: 4 }), w: tensor({ count: 2, type: 'DoubleStorage' }) }))),
    /said to be 4 float32 and 2 float64/,
  ],
])('%s', async (_, content, message) => {
  const refused = await open(content).catch((error: Error) => error)
  expect(refused).toBeInstanceOf(CheckpointError)
  expect((refused as Error).message).toMatch(message)
  expect((refused as Error).message).toMatch(/checkpoint\.pth: found .+; expected ./s)
})

/** The same archive with a note that its directory is elsewhere, as archives of over 4 GB have it. */
function zip64(directoryAt: bigint): Buffer {
  const plain = zip(one())
  const place = Buffer.alloc(8)
  place.writeBigUInt64LE(directoryAt)
  const locator = bytes('PK\x06\x07', Buffer.alloc(4), place, 1, 0, 0, 0)
  return bytes(plain.subarray(0, -22), locator, plain.subarray(-22))
}

const pkl = (data: Uint8Array, rest = {}) => ({ name: 'a/data.pkl', data, ...rest })
const float = (rest = {}) => ({ name: 'a/data/0', data: FLOATS, ...rest })

test.each<[string, Uint8Array, RegExp]>([
  ['a packed entry', zipFile([pkl(one(), { method: 8 }), float()]), /packed or encrypted/],
  ['an encrypted entry', zipFile([pkl(one(), { flags: 1 }), float()]), /damaged|encrypted/],
  ['a name outside', zipFile([pkl(one()), float({ name: '../data/0' })]), /damaged zip/],
  ['an absolute name', zipFile([pkl(one()), float({ name: '/etc/passwd' })]), /damaged zip/],
  ['two of one name', zipFile([pkl(one()), float(), float()]), /two entries named "a\/data\/0"/],
  ['one entry in another', zipFile([pkl(one()), float({ at: 0 })]), /inside another entry/],
  [
    'an entry beyond the file',
    zipFile([pkl(one()), float({ size: 1 << 20 })]),
    /ending at byte|damaged/,
  ],
  ['a size that is two', zipFile([pkl(one()), float({ packed: 5 })]), /damaged zip/],
  ['a place that is none', zipFile([pkl(one()), float({ at: 7 })]), /damaged zip/],
  ['fewer entries than said', zipFile([pkl(one()), float()], { count: 9 }), /its end at byte/],
  ['no pickle', zipFile([float()]), /0 files data\.pkl/],
  ['two pickles', zipFile([pkl(one()), { name: 'b/data.pkl', data: one() }]), /2 files data\.pkl/],
  ['a program', zipFile([pkl(one()), { name: 'a/constants.pkl', data: FLOATS }]), /TorchScript/],
  [
    'the other byte order',
    zipFile([pkl(one()), { name: 'a/byteorder', data: Buffer.from('big') }]),
    /byte order "big"/,
  ],
  ['a directory beyond 2^53', zip64(1n << 61n), /its end at byte/],
  ['a directory that is none', zip64(5n), /damaged zip/],
  ['half an archive', zip(one()).subarray(0, 300), /damaged zip/],
])('zip: %s', async (_, content, message) => {
  await expect(open(content)).rejects.toThrow(message)
})

const old = (count = 4, data = FLOATS) => legacyFile(one(), [['0', count, data]])

test.each<[string, Uint8Array, RegExp]>([
  ['another pickle', pickle(int(7)), /a pickle of something else/],
  ['cut in the pickle', old().subarray(0, 150), /cut off/],
  ['cut in a storage', old().subarray(0, -1), /storages up to byte \d+ of \d+/],
  ['cut before a storage', old().subarray(0, -20), /its end at byte/],
  ['a count that lies', old(1 << 30), /1073741824 elements in storage "0"; expected 4/],
  [
    'a storage twice',
    legacyFile(one(), [
      ['0', 4, FLOATS],
      ['0', 4, FLOATS],
    ]),
    /once each/,
  ],
  ['a storage too many', legacyFile(one(), [['9', 4, FLOATS]]), /list of storages with "9"/],
  ['a storage too few', legacyFile(one(), []), /no storage "0"/],
  [
    'a view beyond',
    legacyFile(one({ view: ['v', 3, 2] }), [['0', 4, FLOATS]]),
    /a storage of 6 parts/,
  ],
  ['an empty file', Buffer.alloc(0), /a checkpoint of torch, safetensors or ONNX/],
  ['a page of HTML', Buffer.from('<!doctype html><p>404'), /found a page of HTML/],
  [
    'a pointer',
    Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
    /a pointer of Git LFS/,
  ],
  ['nothing', Buffer.alloc(0), /found an empty file/],
  ['other bytes', Buffer.from('%PDF-1.7'), /found bytes 255044462d312e37/],
])('before 1.6: %s', async (_, content, message) => {
  await expect(open(content)).rejects.toThrow(message)
})

test('a file that is not there, and a folder', async () => {
  await expect(openCheckpoint(place.file('none'))).rejects.toThrow(/nothing readable \(ENOENT\)/)
  await expect(openCheckpoint(place.path)).rejects.toThrow(/no regular file/)
})
