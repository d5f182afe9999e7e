import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  brotliCompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { webServer, type WebServer } from './loopback-server.ts'

const CUT = 200_000 // bytes after which a connection of /drops… is cut

/**
 * A server that serves `content` well at /good, and badly in every other way that its path names.
 */
export function badServer(content: Buffer): Promise<WebServer> {
  const ways: Record<string, (q: IncomingMessage, r: ServerResponse, before: number) => void> = {
    '/good': (_, response) => response.end(content),
    '/chunked': (_, response) => {
      for (let at = 0; at < content.length; at += 10_000) {
        response.write(content.subarray(at, at + 10_000))
      }
      response.end()
    },
    '/by-proxy': (_, response) => response.writeHead(203).end(content),
    '/range-unasked': (request, response) => {
      const from = rangeOf(request) ?? 0
      const part = content.subarray(from, from + CUT)
      const range = `bytes ${from}-${from + part.length - 1}/${content.length}`
      response.writeHead(206, { 'content-range': range, etag: '"v1"' }).end(part)
    },
    '/lying-type': (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end(content),
    '/says-less': (_, response) => raw(response, `content-length: ${content.length >> 1}`, content),
    '/says-more': (_, response) => {
      raw(response, `content-length: ${content.length + 1000}`, content)
    },
    '/says-huge': (_, response) => {
      response.writeHead(200, { 'content-length': 1e15 }).write('x')
    },
    '/endless': (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      }
      response.writeHead(200).on('drain', more)
      more()
    },
    '/slow': (_, response) => {
      const drip = setInterval(() => response.write('x'), 20)
      response.writeHead(200, { etag: '"slow"' }).on('close', () => clearInterval(drip))
      response.write('x')
    },
    '/slow-no': (_, response) => {
      const drip = setInterval(() => response.write('x'), 20)
      response.writeHead(404).on('close', () => clearInterval(drip))
    },
    '/silent': () => {},
    '/endless-headers': (_, response) => {
      const socket = response.socket!
      socket.write('HTTP/1.1 200 OK\r\n')
      const drip = setInterval(() => socket.write(`x-${Math.random()}: ${'y'.repeat(50)}\r\n`), 5)
      socket.on('close', () => clearInterval(drip)).on('error', () => {})
    },
    '/labeled': (request, response) =>
      response.writeHead(200, { 'content-encoding': queryOf(request) }).end(content),
    '/text': (request, response) => response.end(queryOf(request)),
    '/compressed': (request, response) => {
      const names = queryOf(request).split(', ')
      const body = names.reduce((bytes, name) => compress(name, bytes), content)
      const label = names.join(', ').replace('raw ', '')
      response.writeHead(200, { 'content-encoding': label, 'content-length': body.length })
      response.end(body)
    },
    '/compressed-and-cut': (_, response, before) => {
      const body = gzipSync(content)
      response.writeHead(200, {
        ...{ 'content-encoding': 'gzip', 'content-length': body.length, etag: '"v1"' },
      })
      if (before === 0) cut(response, body)
      else response.end(body)
    },
    '/moved-to-odd-name': (request, response) => {
      const location = { utf8: '/vidéo', latin1: '/vid\xe9o', ascii: '/vid%C3%A9o' }[
        queryOf(request)
      ]
      const encoding = queryOf(request) === 'latin1' ? 'latin1' : 'utf8'
      response.socket!.write('HTTP/1.1 302 Found\r\nContent-Length: 0\r\n')
      response.socket!.write(Buffer.from(`Location: ${location}\r\n\r\n`, encoding))
    },
    '/vid%C3%A9o': (_, response) => response.end(content),
    '/vid%E9o': (_, response) => response.end(content),
    '/gzip-bomb': (_, response) =>
      response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(50_000_000))),
    '/loop': (_, response) => response.writeHead(302, { location: '/loop' }).end(),
    '/moved': (_, response) => response.writeHead(307, { location: 'good' }).end(),
    '/moved-twice': ({ headers }, response) =>
      response.writeHead(301, { location: `http://${headers.host}/moved` }).end('over there'),
    '/slow-start': (_, response) => void setTimeout(() => response.end(content), 250),
    '/without-end': (_, response) => {
      // HTTP/1.0: no length, no chunks; the end of the connection is the end of the file.
      response.socket!.write('HTTP/1.0 200 OK\r\n\r\n')
      response.socket!.end(content)
    },
    '/resets': (_, response) => response.socket!.resetAndDestroy(),
    '/drops': (request, response) => {
      const from = rangeOf(request)
      const head = from === undefined ? {} : contentRange(from, content.length)
      const length = content.length - (from ?? 0)
      response.writeHead(from === undefined ? 200 : 206, {
        ...{ etag: '"v1"', 'content-length': length },
        ...head,
      })
      cut(response, content.subarray(from ?? 0))
    },
    '/drops-and-ignores-ranges': (_, response) => {
      response.writeHead(200, { etag: '"v1"', 'content-length': content.length })
      cut(response, content)
    },
    '/wrong-range': (request, response, before) => {
      if (before === 0) {
        response.writeHead(200, { etag: '"v1"', 'content-length': content.length })
        return cut(response, content)
      }
      if (rangeOf(request) === undefined) return response.end(content)
      const wrong = content.subarray(5)
      response.writeHead(206, { etag: '"v1"', ...contentRange(5, content.length) }).end(wrong)
    },
    '/changes': (request, response, before) => {
      if (before === 0) {
        response.writeHead(200, { etag: '"old"', 'content-length': content.length })
        return cut(response, Buffer.alloc(content.length, 'o'))
      }
      // Whatever If-Range says, this one answers with the rest of the new file.
      const from = rangeOf(request)
      if (from === undefined) return response.writeHead(200, { etag: '"new"' }).end(content)
      response.writeHead(206, { etag: '"new"', ...contentRange(from, content.length) })
      response.end(content.subarray(from))
    },
    '/changes-properly': (request, response, before) => {
      if (before === 0) {
        response.writeHead(200, { etag: '"old"', 'content-length': content.length })
        return cut(response, Buffer.alloc(content.length, 'o'))
      }
      if (request.headers['if-range'] !== '"old"') return response.writeHead(400).end()
      response.writeHead(200, { etag: '"new"' }).end(content)
    },
    '/gone-midway': (request, response, before) => {
      if (before === 0) {
        response.writeHead(200, { etag: '"v1"', 'content-length': content.length })
        return cut(response, content)
      }
      if (rangeOf(request) !== undefined) return response.writeHead(416).end()
      response.end(content)
    },
  }
  return webServer((request, response, before) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://any')
    const failures = Number(searchParams.get('times') ?? Infinity)
    const status = /^\/status\/(\d+)$/.exec(pathname)
    if (status && before < failures) {
      const after = searchParams.get('after')
      response.writeHead(Number(status[1]), { ...(after && { 'retry-after': after }) }).end('no')
    } else if (status) response.end(content)
    else if (ways[pathname]) ways[pathname](request, response, before)
    else response.writeHead(404).end()
  })
}

const rangeOf = ({ headers }: IncomingMessage): number | undefined => {
  const from = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1]
  return from === undefined ? undefined : Number(from)
}

const contentRange = (from: number, length: number) => ({
  'content-range': `bytes ${from}-${length - 1}/${length}`,
})

function cut(response: ServerResponse, content: Buffer): void {
  if (content.length <= CUT) return void response.end(content)
  // Ended, not destroyed: a reset would take away what the client has not read yet.
  response.write(content.subarray(0, CUT), () => response.socket!.end())
}

/** What stands behind the question mark. */
const queryOf = ({ url }: IncomingMessage): string => decodeURIComponent(url!.split('?')[1] ?? '')

function compress(name: string, bytes: Buffer): Buffer {
  switch (name.toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return gzipSync(bytes)
    case 'deflate':
      return deflateSync(bytes)
    case 'raw deflate':
      return deflateRawSync(bytes)
    case 'br':
      return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })
    case 'zstd':
      return zstdCompressSync(bytes)
    default:
      return bytes
  }
}

function raw(response: ServerResponse, header: string, content: Buffer): void {
  const socket = response.socket!
  socket.on('error', () => {})
  socket.write(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n`)
  socket.write(content, () => socket.end())
}
