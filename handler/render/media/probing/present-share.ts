/** What writers put where they do not know the size yet, and leave there when they are stopped. */
const NO_SIZE = 0x7fff0000

/** How much of a file is there, by the size that stands at its beginning: 0..1. */
export function presentShare(head: Buffer, size: number): number {
  const stated = statedBytes(head)
  return stated === undefined ? 1 : Math.min(1, size / stated)
}

/** Bytes of the whole file; undefined where it does not say, or was written before that was known. */
function statedBytes(head: Buffer): number | undefined {
  const [, read] = FORMATS.find(([start]) => head.indexOf(start, 0, 'latin1') === 0) ?? []
  const bytes = read?.(head)
  return bytes !== undefined && bytes > 0 && bytes < Number.MAX_SAFE_INTEGER ? bytes : undefined
}

/** By how a file begins. */
const FORMATS: readonly (readonly [start: string, bytes: (head: Buffer) => number | undefined])[] =
  [
    ['RIFF', riffBytes],
    ['riff\x2e\x91\xcf\x11', (head) => uint64(head, 16, 'LE')], // Wave64
    ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', asfBytes],
    ['caff', cafBytes],
  ]

/** Of a wav or avi. */
function riffBytes(head: Buffer): number | undefined {
  if (head.length < 12) return undefined
  const stated = head.readUInt32LE(4)
  return stated === 0 || stated >= NO_SIZE ? undefined : stated + 8
}

/** The first half of an ASF File Properties Object's name, which is enough to find it. */
const FILE_PROPERTIES = Buffer.from('a1dcab8c47a9cf11', 'hex')
const BROADCAST = 1

/** Of a wma or wmv: what its File Properties Object says, unless it was sent while it was made. */
function asfBytes(head: Buffer): number | undefined {
  const at = head.indexOf(FILE_PROPERTIES)
  if (at < 0 || at + 92 > head.length) return undefined
  return head.readUInt32LE(at + 88) & BROADCAST ? undefined : uint64(head, at + 40, 'LE')
}

/** Up to the end of the chunk of samples; others may follow it. One of size -1 goes to the end. */
function cafBytes(head: Buffer): number | undefined {
  for (let at = 8; at + 12 <= head.length;) {
    const size = uint64(head, at + 4, 'BE')
    if (size === undefined || head.toString('latin1', at, at + 4) === 'data') {
      return size && at + 12 + size
    }
    at += 12 + size
  }
  return undefined
}

/** Undefined beyond the end of what was read, and where no file is so large. */
function uint64(head: Buffer, at: number, order: 'LE' | 'BE'): number | undefined {
  if (at + 8 > head.length) return undefined
  const value = order === 'LE' ? head.readBigUInt64LE(at) : head.readBigUInt64BE(at)
  return value > Number.MAX_SAFE_INTEGER ? undefined : Number(value)
}
