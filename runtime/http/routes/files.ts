import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { Readable } from 'node:stream'
import { Hono, type Context } from 'hono'
import { errorBody } from '../responses.ts'
import { parseRange } from './range.ts'

/** The keys that a job can have: no part begins with a dot, so none leads upwards. */
const KEY = /^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/

const TYPES: Record<string, string> = {
  '.mp4': 'video/mp4',
  '.mkv': 'video/x-matroska',
  '.json': 'application/json',
}

/** The results of the directory store, in ranges where a player asks for them. */
export function filesRoute(root: string): Hono {
  const app = new Hono()
  app.get('/files/*', async (c) => {
    const file = await resolveFile(root, c.req.path.slice('/files/'.length))
    if (!file) return c.json(errorBody('NOT_FOUND', 'there is no such file'), 404)
    return sendFile(c, file)
  })
  return app
}

interface Found {
  path: string
  size: number
  modified: Date
}

/** A regular file below the folder, links included only where they stay inside. */
async function resolveFile(root: string, key: string): Promise<Found | undefined> {
  if (!KEY.test(key) || key.length > 512 || key.endsWith('.partial')) return undefined
  try {
    const [folder, path] = await Promise.all([realpath(root), realpath(join(root, key))])
    const facts = await stat(path)
    if (!path.startsWith(folder + sep) || !facts.isFile()) return undefined
    return { path, size: facts.size, modified: facts.mtime }
  } catch {
    return undefined // whatever stands in the way, to the client it is not there
  }
}

function sendFile(c: Context, { path, size, modified }: Found): Response {
  const etag = `"${size.toString(36)}-${modified.getTime().toString(36)}"`
  c.header('ETag', etag)
  c.header('Last-Modified', modified.toUTCString())
  c.header('Accept-Ranges', 'bytes')
  c.header('Cache-Control', 'private, no-cache')
  c.header('X-Content-Type-Options', 'nosniff')
  c.header('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream')
  if (c.req.header('if-none-match') === etag) return c.body(null, 304)

  const condition = c.req.header('if-range')
  const fresh = condition === undefined || condition === etag
  const range = fresh ? parseRange(c.req.header('range'), size) : undefined
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
