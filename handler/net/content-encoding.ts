import { Readable, pipeline, type Transform } from 'node:stream'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'
import { NetworkError } from './network-error.ts'

/** Of the longest mark by which data is known, zstd's. */
const MARK_BYTES = 4

interface Coding {
  name: string
  /** What undoes it; undefined where the bytes show that it was never done. */
  decoder(start: Uint8Array): Transform | undefined
}

const startsWith = (start: Uint8Array, ...bytes: number[]) =>
  bytes.every((byte, at) => start[at] === byte)
const gunzip = (start: Uint8Array) => (startsWith(start, 0x1f, 0x8b) ? createGunzip() : undefined)

/** The codings of RFC 9110, 8.4.1, and those that came after it. */
const DECODERS: Record<string, Coding['decoder']> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  // Some servers leave the wrapper of zlib away.
  deflate: ([first = 0]) => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw()),
  br: () => createBrotliDecompress(),
  zstd: (start) => (startsWith(start, 0x28, 0xb5, 0x2f, 0xfd) ? createZstdDecompress() : undefined),
}

/**
 * What a server did to a file before it sent it, in the order in which it was done. Labels that are no
 * coding are ignored, as browsers and curl do: `aws-chunked` is left over from an upload, others
 * (`utf-8`, `base64`) were typed by somebody.
 */
export function codingsOf(header = ''): Coding[] {
  return header
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => Object.hasOwn(DECODERS, name))
    .map((name) => ({ name, decoder: DECODERS[name]! }))
}

/**
 * The file in a body. Nothing is decoded ahead of who reads, so whoever counts the bytes need not fear
 * that they become a thousand times as many.
 * @throws NetworkError where the body is cut or damaged; what the body throws
 */
export function decodeBody(
  body: AsyncIterable<Uint8Array>,
  codings: readonly Coding[],
): AsyncIterable<Uint8Array> {
  return codings.toReversed().reduce(undo, body)
}

async function* undo(
  body: AsyncIterable<Uint8Array>,
  { name, decoder }: Coding,
): AsyncGenerator<Uint8Array> {
  const source = body[Symbol.asyncIterator]()
  const start = await readStart(source)
  if (start.length === 0) return
  const all = rejoin(start, source)
  const transform = decoder(start)
  if (!transform) return yield* all
  // What goes wrong comes out of the transform.
  pipeline(Readable.from(all), transform, () => {})
  try {
    for await (const chunk of transform) yield chunk as Uint8Array
  } catch (error) {
    if (!/^(Z_|ERR__|ZSTD_)/.test((error as { code?: string }).code ?? '')) throw error
    throw new NetworkError(`sends ${name} data that is cut or damaged`, { cause: error })
  }
}

/** As many bytes as tell what was done to the rest: a server may send them one by one. */
async function readStart(source: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let start: Uint8Array = Buffer.alloc(0)
  while (start.length < MARK_BYTES) {
    const next = await source.next()
    if (next.done) break
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value])
  }
  return start
}

async function* rejoin(first: Uint8Array, rest: AsyncIterator<Uint8Array>) {
  yield first
  try {
    for (let next; !(next = await rest.next()).done;) yield next.value
  } finally {
    await rest.return?.()
  }
}
