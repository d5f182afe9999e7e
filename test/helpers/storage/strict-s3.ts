import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { signatureProblem } from './sigv4.ts'
import { bodyOf, webServer, type WebServer } from '../servers/loopback-server.ts'

export const KEYS = { keyId: 'key-of-the-test', secret: 'secret-of-the-test-0123456789' }

/** What a request asks for. */
export interface Operation {
  name:
    'put' | 'head' | 'get' | 'delete' | 'create' | 'part' | 'complete' | 'abort' | 'list' | 'names'
  key: string
  /** Number of a part. */
  part: number
  /** How many of the same operation on the same key and part came before. */
  before: number
}

/**
 * What goes wrong with an operation: a status with an S3 code, slowness, a cut connection, silence,
 * bytes that change on their way, or an answer that is lost, whole or half, though the work is done.
 */
export type Fault =
  | { status: number; code?: string; text?: string }
  | { delayMs: number }
  | ('reset' | 'hang' | 'corrupt' | 'lost' | 'truncated')

export interface StrictS3 extends WebServer {
  objects: Map<string, { body: Buffer; headers: IncomingMessage['headers']; at?: Date }>
  /** Unfinished multipart uploads, by their id. */
  uploads: Map<
    string,
    { key: string; at: string; parts: Map<number, Buffer>; headers: IncomingMessage['headers'] }
  >
  operations: Operation[]
  /** Requests that were closed by the client before they were answered. */
  dropped(): number
}

const MIN_PART = 5 * 2 ** 20

/** Checksum headers that Backblaze B2 is known to refuse. */
const UNSUPPORTED = /^x-amz-(checksum-.*|sdk-checksum-algorithm|trailer|decoded-content-length)$/

/**
 * An S3 in this process with one bucket, `bucket`: checks signatures, MD5 and part sizes, refuses the
 * checksum headers that B2 refuses, and knows its unfinished uploads.
 */
export async function strictS3(
  fault: (operation: Operation) => Fault | undefined = () => undefined,
  /** How far its clock is ahead of ours. */
  aheadMs = 0,
): Promise<StrictS3> {
  const objects: StrictS3['objects'] = new Map()
  const uploads: StrictS3['uploads'] = new Map()
  const operations: Operation[] = []
  let dropped = 0

  const server = await webServer(async (request, response) => {
    response.on('close', () => {
      if (!response.writableEnded) dropped++
    })
    response.setHeader('date', new Date(Date.now() + aheadMs).toUTCString())
    const operation = operationOf(request, operations)
    const wrong = fault(operation)
    operations.push(operation)
    if (wrong === 'hang') return void request.resume() // a socket that is not read never ends
    if (wrong === 'reset') return void request.socket.resetAndDestroy()
    const body = await bodyOf(request)
    if (wrong === 'corrupt') body[0]! ^= 1
    else if (typeof wrong === 'object' && 'delayMs' in wrong) await pause(wrong.delayMs)
    else if (typeof wrong === 'object')
      return refuse(response, wrong.status, wrong.code ?? 'Fault', wrong.text)
    const problem = problemOf(request, body, aheadMs)
    if (problem) return refuse(response, ...problem)
    const done = await perform(operation, request, body)
    if (wrong === 'lost') return void request.socket.resetAndDestroy()
    if (done.status >= 400) return refuse(response, done.status, done.code!)
    if (wrong === 'truncated') return truncate(response, done)
    response.writeHead(done.status, done.headers ?? {}).end(done.body)
  })

  async function perform(
    { name, key, part }: Operation,
    request: IncomingMessage,
    body: Buffer,
  ): Promise<Done> {
    const id = new URL(request.url!, 'http://any').searchParams.get('uploadId') ?? ''
    const upload = uploads.get(id)
    switch (name) {
      case 'put':
        objects.set(key, { body, headers: request.headers, at: new Date() })
        return { status: 200, headers: { etag: etagOf(body) } }
      case 'get':
      case 'head':
        return show(key)
      case 'list': {
        const open = [...uploads].map(
          ([UploadId, { key: Key, at }]) =>
            `<Upload><Key>${Key}</Key><UploadId>${UploadId}</UploadId><Initiated>${at}</Initiated></Upload>`,
        )
        const xml = `<ListMultipartUploadsResult>${open.join('')}</ListMultipartUploadsResult>`
        return { status: 200, body: xml }
      }
      case 'names':
        return { status: 200, body: namesFrom(new URL(request.url!, 'http://any').searchParams) }
      case 'delete':
        objects.delete(key)
        return { status: 204 }
      case 'create': {
        const created = randomUUID()
        const at = new Date().toISOString()
        uploads.set(created, { key, at, parts: new Map(), headers: request.headers })
        const xml = `<InitiateMultipartUploadResult><UploadId>${created}</UploadId></InitiateMultipartUploadResult>`
        return { status: 200, body: xml }
      }
      case 'part':
        if (!upload) return { status: 404, code: 'NoSuchUpload' }
        upload.parts.set(part, body)
        return { status: 200, headers: { etag: etagOf(body) } }
      case 'abort':
        uploads.delete(id)
        return { status: 204 }
      case 'complete': {
        if (!upload) return { status: 404, code: 'NoSuchUpload' }
        const listed = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map((m) => Number(m[1]))
        const parts = listed.map((number) => upload.parts.get(number))
        if (parts.some((bytes) => !bytes)) return { status: 400, code: 'InvalidPart' }
        const short = parts.slice(0, -1).some((bytes) => bytes!.length < MIN_PART)
        if (short) return { status: 400, code: 'EntityTooSmall' }
        uploads.delete(id)
        objects.set(key, { body: Buffer.concat(parts as Buffer[]), headers: upload.headers })
        const xml = `<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>`
        return { status: 200, body: xml }
      }
    }
  }

  /** Two at a time, so that nobody reads the first page only. */
  function namesFrom(asked: URLSearchParams): string {
    const [prefix, after] = [asked.get('prefix') ?? '', asked.get('continuation-token') ?? '']
    const found = [...objects]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .filter(([key]) => key.startsWith(prefix) && key > after)
    const page = found.slice(0, 2).map(([key, { at = new Date() }]) => {
      return `<Contents><Key>${key}</Key><LastModified>${at.toISOString()}</LastModified></Contents>`
    })
    const next =
      found.length > 2 ? `<NextContinuationToken>${found[1]![0]}</NextContinuationToken>` : ''
    return `<ListBucketResult>${page.join('')}${next}</ListBucketResult>`
  }

  function show(key: string): Done {
    const found = objects.get(key)
    if (!found) return { status: 404, code: 'NoSuchKey' }
    const kept = Object.entries(found.headers).filter(([name]) =>
      /^(x-amz-meta-.*|content-(type|disposition))$/.test(name),
    )
    const headers: Record<string, string | number> = {
      ...(Object.fromEntries(kept) as Record<string, string>),
      'content-length': found.body.length,
      etag: etagOf(found.body),
    }
    return { status: 200, headers, body: found.body }
  }
  return { ...server, objects, uploads, operations, dropped: () => dropped }
}

interface Done {
  status: number
  code?: string
  headers?: Record<string, string | number>
  body?: string | Buffer
}

function operationOf({ method, url }: IncomingMessage, earlier: readonly Operation[]): Operation {
  const { pathname, searchParams } = new URL(url!, 'http://any')
  const key = decodeURIComponent(pathname.replace(/^\/[^/]*\/?/, ''))
  const part = Number(searchParams.get('partNumber') ?? 0)
  const name = searchParams.has('uploads')
    ? ({ POST: 'create', GET: 'list' } as const)[method as 'POST']
    : searchParams.has('uploadId')
      ? ({ PUT: 'part', POST: 'complete', DELETE: 'abort' } as const)[method as 'PUT']
      : searchParams.has('list-type')
        ? 'names'
        : ({ PUT: 'put', HEAD: 'head', GET: 'get', DELETE: 'delete' } as const)[method as 'PUT']
  const before = earlier.filter((o) => o.name === name && o.key === key && o.part === part).length
  return { name, key, part, before }
}

function problemOf(
  request: IncomingMessage,
  body: Buffer,
  aheadMs: number,
): [number, string] | undefined {
  const { headers, url } = request
  if (Object.keys(headers).some((name) => UNSUPPORTED.test(name))) return [400, 'InvalidArgument']
  if (/[?&]x-amz-(checksum|sdk-checksum)/i.test(url!)) return [400, 'InvalidArgument']
  if (headers['content-encoding']?.includes('aws-chunked')) return [400, 'NotImplemented']
  const signature = signatureProblem(request, body, KEYS, Date.now() + aheadMs)
  if (signature) return [signature === 'XAmzContentSHA256Mismatch' ? 400 : 403, signature]
  if (!/^\/bucket(\/|$)/.test(url!.split('?')[0]!)) return [404, 'NoSuchBucket']
  const md5 = headers['content-md5']
  if (md5 && md5 !== createHash('md5').update(body).digest('base64')) return [400, 'BadDigest']
  return undefined
}

/** Half of an answer; without a body, its headers promise one that never comes. */
function truncate(response: ServerResponse, { status, headers, body = '' }: Done): void {
  response.writeHead(status, { ...headers, 'content-length': body.length + 8 })
  response.write(body.slice(0, body.length >> 1) || ' ', () => response.destroy())
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  text = `${code} at this address`,
): void {
  const message = text.replaceAll('&', '&amp;')
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`
  response.writeHead(status, { 'content-type': 'application/xml' }).end(xml)
}

const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`
