import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { Readable } from 'node:stream'
import { Hono, type Context } from 'hono'
import { MEDIA_TYPES } from '../../../handler/render/encode/output-formats.ts'
import {
  describeOperation,
  ErrorBody,
  headerParameter,
  pathParameter,
  response,
} from '../describe-operation.ts'
import { errorBody } from '../responses.ts'

/** The keys that a job can have: no part begins with a dot, so none leads upwards. */
const KEY_PATTERN = /^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/

const CONTENT_TYPES: Record<string, string> = {
  ...MEDIA_TYPES,
  '.json': 'application/json',
}

/** The results of the directory store, in ranges where a player asks for them. */
export function filesRoute(root: string): Hono {
  const app = new Hono()
  app.get('/files/:key{.+}', describeFile, async (c) => {
    const file = await resolveFile(root, c.req.path.slice('/files/'.length))
    if (!file) return c.json(errorBody('NOT_FOUND', 'there is no such file'), 404)
    return sendFile(c, file)
  })
  return app
}

interface ResultFile {
  path: string
  size: number
  modified: Date
}

/** A regular file below the folder, links included only where they stay inside. */
async function resolveFile(root: string, key: string): Promise<ResultFile | undefined> {
  if (!KEY_PATTERN.test(key) || key.length > 512 || key.endsWith('.partial')) return undefined
  try {
    const [directory, path] = await Promise.all([realpath(root), realpath(join(root, key))])
    const info = await stat(path)
    if (!path.startsWith(directory + sep) || !info.isFile()) return undefined
    return { path, size: info.size, modified: info.mtime }
  } catch {
    return undefined // whatever stands in the way, to the client it is not there
  }
}

function sendFile(c: Context, { path, size, modified }: ResultFile): Response {
  const etag = `"${size.toString(36)}-${modified.getTime().toString(36)}"`
  c.header('ETag', etag)
  c.header('Last-Modified', modified.toUTCString())
  c.header('Accept-Ranges', 'bytes')
  c.header('Cache-Control', 'private, no-cache')
  c.header('X-Content-Type-Options', 'nosniff')
  c.header('Content-Type', CONTENT_TYPES[extname(path)] ?? 'application/octet-stream')
  if (c.req.header('if-none-match') === etag) return c.body(null, 304)

  const ifRange = c.req.header('if-range')
  const isUnchanged = ifRange === undefined || ifRange === etag
  const range = isUnchanged ? parseRange(c.req.header('range'), size) : undefined
  if (range === 'unsatisfiable') {
    c.header('Content-Range', `bytes */${size}`)
    return c.body(null, 416)
  }
  const { start, end } = range ?? { start: 0, end: size - 1 }
  c.header('Content-Length', String(end - start + 1))
  if (range) c.header('Content-Range', `bytes ${start}-${end}/${size}`)
  const status = range ? 206 : 200
  if (c.req.method === 'HEAD' || size === 0) return c.body(null, status)
  const bytes = Readable.toWeb(createReadStream(path, { start, end }))
  return c.body(bytes as ReadableStream<Uint8Array>, status)
}

/** First and last byte, both inclusive. */
interface ByteRange {
  start: number
  end: number
}

/**
 * What a `Range` header asks of a file. Several ranges, other units and nonsense may be ignored, and
 * are: the whole file is sent then.
 * @see RFC 9110, section 14
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}

const describeFile = describeOperation({
  tag: 'Jobs',
  summary: 'A result of the directory store, in ranges if asked',
  parameters: [
    pathParameter('key', 'Key of the result'),
    headerParameter('Range', 'Bytes to send; one range'),
    headerParameter('If-Range', 'The `ETag` that the range is of'),
    headerParameter('If-None-Match', 'The `ETag` of a copy that is there already'),
  ],
  responses: {
    200: response('The file.'),
    206: response('A part of it.'),
    304: response('It is the copy that is there already.'),
    404: response('There is no such file.', ErrorBody),
    416: response('The range is outside of the file.'),
  },
})
