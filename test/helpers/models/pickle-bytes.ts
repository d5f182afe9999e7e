/** Pickles, torch files and zip archives byte by byte: what no library writes can be written too. */

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const u64 = (value: number | bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

type Piece = string | number | Uint8Array
/** Opcodes as latin-1 letters, numbers as one byte. */
export const bytes = (...pieces: Piece[]): Buffer =>
  Buffer.concat(
    pieces.map((piece) =>
      typeof piece === 'string'
        ? Buffer.from(piece, 'latin1')
        : typeof piece === 'number'
          ? Buffer.from([piece])
          : piece,
    ),
  )

export const pickle = (...pieces: Piece[]): Buffer => bytes(0x80, 2, ...pieces, '.')
export const text = (value: string): Buffer => bytes('X', u32(value.length), value)
export const int = (value: number): Buffer => bytes('J', u32(value))
export const tuple = (...items: Piece[]): Buffer => bytes('(', ...items, 't')
export const name = (module: string, of: string): Buffer => bytes(`c${module}\n${of}\n`)

export interface Description {
  key?: string
  type?: string
  count?: number
  offset?: number
  shape?: number[]
  strides?: number[]
  /** Key, offset and count of a view, as files of before 1.6 have them. */
  view?: [string, number, number]
  rebuild?: string
}

const storage = ({ key = '0', type = 'FloatStorage', count = 2, view }: Description) => {
  const parts = [text('storage'), name('torch', type), text(key), text('cpu'), int(count)]
  const last = view ? [tuple(text(view[0]), int(view[1]), int(view[2]))] : []
  return bytes(tuple(...parts, ...last), 'Q')
}

export function tensor(of: Description = {}): Buffer {
  const { offset = 0, shape = [2], strides = [1], rebuild = '_rebuild_tensor_v2' } = of
  const rest = rebuild.endsWith('v2') ? [0x89, name('collections', 'OrderedDict'), ')R'] : []
  const sizes = [tuple(...shape.map(int)), tuple(...strides.map(int))]
  return bytes(
    name('torch._utils', rebuild),
    tuple(storage(of), int(offset), ...sizes, ...rest),
    'R',
  )
}

export const dict = (items: Record<string, Piece>): Buffer =>
  bytes('}(', ...Object.entries(items).flatMap(([key, item]) => [text(key), item]), 'u')

/** A file of torch before 1.6. `storages`: key, count as the file says it, its bytes. */
export function legacyFile(object: Buffer, storages: [string, number, Uint8Array][]): Buffer {
  const system = dict({
    protocol_version: int(1001),
    little_endian: 0x88,
    type_sizes: dict({ short: int(2) }),
  })
  return bytes(
    ...[pickle(0x8a, 10, Buffer.from('6cfc9c46f9206aa85019', 'hex')), pickle('M', 0xe9, 3)],
    ...[pickle(system), object, pickle('](', ...storages.map(([key]) => text(key)), 'e')],
    ...storages.flatMap(([, count, data]) => [u64(count), data]),
  )
}

export interface Entry {
  name: string
  data: Uint8Array
  method?: number
  flags?: number
  /** Said instead of the true one. */
  size?: number
  packed?: number
  at?: number
}

/** A zip archive of stored entries. */
export function zipFile(entries: Entry[], { count = entries.length, comment = '' } = {}): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let at = 0
  for (const entry of entries) {
    const { data, method = 0, flags = 0, size = data.length, packed = size } = entry
    const head = (signature: string, ...middle: number[]) => {
      const fixed = Buffer.alloc(22)
      fixed.writeUInt16LE(flags, 0)
      fixed.writeUInt16LE(method, 2)
      fixed.writeUInt32LE(packed, 12)
      fixed.writeUInt32LE(size, 16)
      fixed.writeUInt16LE(entry.name.length, 20)
      return bytes(signature, ...middle, fixed, 0, 0)
    }
    const local = bytes(head('PK\x03\x04', 20, 0), entry.name, data)
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(entry.at ?? at, 10)
    central.push(bytes(head('PK\x01\x02', 20, 0, 20, 0), tail, entry.name))
    locals.push(local)
    at += local.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(count, 4)
  end.writeUInt16LE(count, 6)
  end.writeUInt32LE(directory.length, 8)
  end.writeUInt32LE(at, 12)
  end.writeUInt16LE(comment.length, 16)
  return bytes(...locals, directory, 'PK\x05\x06', end, comment)
}

/** A file of torch 1.6 and later. */
export const torchZip = (object: Buffer, storages: Record<string, Uint8Array>): Buffer =>
  zipFile([
    { name: 'archive/data.pkl', data: object },
    ...Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data })),
  ])

export function safetensorsFile(header: unknown, data: Uint8Array): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  return bytes(u64(json.length), json, data)
}
