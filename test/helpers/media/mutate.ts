/** Numbers in 0..1 that are the same for the same seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

type Damage = (bytes: Buffer, random: () => number) => Buffer

const pick = (random: () => number, below: number) => Math.floor(random() * below)
/** Headers are at an end of a file, and that is where damage hurts. */
const place = (random: () => number, length: number) =>
  random() < 0.5
    ? pick(random, Math.min(length, 2048))
    : random() < 0.5
      ? length - 1 - pick(random, Math.min(length, 2048))
      : pick(random, length)

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff]

const DAMAGES: Readonly<Record<string, Damage>> = {
  'bits flipped': (bytes, random) => {
    for (let i = 1 + pick(random, 16); i > 0; i--) {
      bytes[place(random, bytes.length)]! ^= 1 << pick(random, 8)
    }
    return bytes
  },
  'a number made extreme': (bytes, random) => {
    const at = Math.max(0, place(random, bytes.length) - 4)
    bytes.writeUInt32BE(EXTREMES[pick(random, EXTREMES.length)]!, Math.min(at, bytes.length - 4))
    return bytes
  },
  'cut off': (bytes, random) => bytes.subarray(0, pick(random, bytes.length)),
  'a piece missing': (bytes, random) => {
    const at = place(random, bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + pick(random, 4096))])
  },
  'a piece twice': (bytes, random) => {
    const at = place(random, bytes.length)
    const end = at + 1 + pick(random, 4096)
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
  },
  'zeros written': (bytes, random) => {
    const at = place(random, bytes.length)
    return bytes.fill(0, at, Math.min(bytes.length, at + 1 + pick(random, 1024)))
  },
  'noise written': (bytes, random) => {
    const at = place(random, bytes.length)
    const end = Math.min(bytes.length, at + 1 + pick(random, 64))
    for (let i = at; i < end; i++) bytes[i] = pick(random, 256)
    return bytes
  },
}

/** A damaged copy, and what was done to it. */
export function mutate(bytes: Buffer, seed: number): { damaged: Buffer; how: string } {
  const random = seededRandom(seed)
  const names = Object.keys(DAMAGES)
  const how = names[pick(random, names.length)]!
  return { damaged: DAMAGES[how]!(Buffer.from(bytes), random), how }
}
