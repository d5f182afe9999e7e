import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { webServer, type Seen } from '../servers/loopback-server.ts'

/** What the hub does wrong with one request; what is not said is done right. */
export interface Fault {
  status?: number
  headers?: Record<string, string>
  /** Never answer. */
  hang?: boolean
  /** Cut the connection after so many bytes of a body. */
  cutAfter?: number
  /** Stop sending after so many bytes of a body, but leave the connection open. */
  stallAfter?: number
  /** Send these bytes instead. */
  body?: Buffer
  /** As if the file had been uploaded again. */
  etag?: string
}

export interface HubRequest {
  /** `hub` answers for repositories, `cdn` for the bytes of large files. */
  server: 'hub' | 'cdn'
  /** REPOSITORY/REVISION/PATH. */
  file: string
  /** Requests of this server for this file that came before. */
  before: number
}

/** Bytes in memory, or a file on disk. */
export type HubContent = Buffer | string

export interface FakeHub extends AsyncDisposable {
  /** HF_ENDPOINT. */
  endpoint: string
  /** Requests to the hub, and to the host that it redirects to. */
  hub: Seen[]
  cdn: Seen[]
  /** Bytes of large files that were sent. */
  sent(): number
  /** Resolves when so many bytes of large files were sent. */
  whenSent(bytes: number): Promise<void>
  /** Decides about each request; replace it at any time. */
  fault: (request: HubRequest) => Fault | undefined
  /** Milliseconds between two pieces of 64 KiB of a large file; as fast as it goes where 0. */
  pauseMs: number
  /** Large files are sent when it resolves. */
  gate: Promise<void>
}

/** Files below this come from the hub itself, as JSON files do. */
const SMALL_BYTES = 10_000
const PIECE_BYTES = 65_536

/**
 * A model hub on loopback: REPOSITORY/resolve/REVISION/PATH, large files by a redirect to another host.
 * @param files by REPOSITORY/REVISION/PATH
 */
export async function startFakeHub(
  files: Record<string, HubContent>,
  host?: string,
): Promise<FakeHub> {
  let sent = 0
  const waiting: { bytes: number; go(): void }[] = []
  const count = (bytes: number) => {
    sent += bytes
    for (const waiter of waiting.filter((one) => one.bytes <= sent)) {
      waiting.splice(waiting.indexOf(waiter), 1)
      waiter.go()
    }
  }
  const before = (server: string, file: string) => {
    const key = `${server} ${file}`
    const times = seen.get(key) ?? 0
    seen.set(key, times + 1)
    return times
  }
  const seen = new Map<string, number>()

  const cdn = await webServer(async (request, response) => {
    const file = decodeURIComponent(new URL(request.url!, 'http://any').pathname.slice(1))
    const fault = state.fault({ server: 'cdn', file, before: before('cdn', file) })
    await state.gate
    await serve(request, response, files[file]!, fault, state, count)
  }, host)
  const hub = await webServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://any')
    const [, owner, name, revision, path] =
      /^\/([^/]+)\/([^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(decodeURIComponent(pathname)) ?? []
    const repository = `${owner}/${name}`
    const file = `${repository}/${revision}/${path}`
    const fault = state.fault({ server: 'hub', file, before: before('hub', file) })
    if (fault?.hang) return
    if (fault?.status !== undefined) {
      return void response.writeHead(fault.status, fault.headers).end('no')
    }
    const error = missing(files, repository, `${repository}/${revision}/`, file)
    if (error) {
      const [status, code] = error
      return void response.writeHead(status, { 'x-error-code': code }).end(code)
    }
    const content = files[file]!
    if (sizeOf(content) < SMALL_BYTES) return serve(request, response, content, fault, state)
    // By another name of the same machine: what is meant for the hub must not get there.
    const location = `http://${host ?? 'localhost'}:${cdn.port}/${encodeURIComponent(file)}?signature=secret`
    const headers = {
      location,
      'x-linked-size': String(sizeOf(content)),
      'x-repo-commit': revision!,
    }
    response.writeHead(302, headers).end()
  }, host)
  const state: FakeHub = {
    endpoint: hub.origin,
    ...{ hub: hub.seen, cdn: cdn.seen, fault: () => undefined, pauseMs: 0 },
    gate: Promise.resolve(),
    sent: () => sent,
    whenSent: (bytes) => new Promise((go) => (bytes <= sent ? go() : waiting.push({ bytes, go }))),
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]()
      await cdn[Symbol.asyncDispose]()
    },
  }
  return state
}

/** What the real hub says of what is not there; strangers are not told which repositories exist. */
function missing(
  files: Record<string, HubContent>,
  repository: string,
  revision: string,
  file: string,
): [status: number, code: string] | undefined {
  const names = Object.keys(files)
  if (!names.some((name) => name.startsWith(`${repository}/`))) return [401, 'RepoNotFound']
  if (!names.some((name) => name.startsWith(revision))) return [404, 'RevisionNotFound']
  return names.includes(file) ? undefined : [404, 'EntryNotFound']
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  content: HubContent,
  fault: Fault | undefined,
  { pauseMs }: Pick<FakeHub, 'pauseMs'>,
  count: (bytes: number) => void = () => {},
): Promise<void> {
  if (fault?.hang) return
  if (fault?.status !== undefined) {
    return void response.writeHead(fault.status, fault.headers).end('no')
  }
  const given = fault?.body ?? content
  const total = sizeOf(given)
  const etag = `"${fault?.etag ?? etagOf(given)}"`
  const [, first] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? []
  const same = request.headers['if-range'] === undefined || request.headers['if-range'] === etag
  const from = first !== undefined && same ? Number(first) : 0
  if (from > 0 && from >= total) return void response.writeHead(416).end()
  response.writeHead(from > 0 ? 206 : 200, {
    ...{ etag, 'content-length': total - from, 'accept-ranges': 'bytes' },
    ...(from > 0 && { 'content-range': `bytes ${from}-${total - 1}/${total}` }),
  })
  const limit = fault?.cutAfter ?? fault?.stallAfter ?? Infinity
  let left = limit
  for await (const piece of pieces(given, from)) {
    const part = piece.subarray(0, left)
    left -= part.length
    if (response.destroyed) return
    await new Promise((go) => response.write(part, go))
    count(part.length)
    if (left <= 0) {
      if (fault?.cutAfter !== undefined) response.destroy()
      return
    }
    if (pauseMs > 0) await new Promise((go) => setTimeout(go, pauseMs))
  }
  response.end()
}

const sizeOf = (content: HubContent): number =>
  typeof content === 'string' ? statSync(content).size : content.length

/** Of a file on disk, what names it is enough: nobody changes it. */
const etagOf = (content: HubContent): string =>
  createHash('sha256').update(content).digest('hex').slice(0, 32)

async function* pieces(content: HubContent, from: number): AsyncGenerator<Buffer> {
  if (typeof content === 'string') {
    yield* createReadStream(content, { start: from, highWaterMark: 1 << 20 })
    return
  }
  yield* Readable.from(cut(content, from), { objectMode: true })
}

function* cut(content: Buffer, from: number): Generator<Buffer> {
  for (let at = from; at < content.length; at += PIECE_BYTES) {
    yield content.subarray(at, at + PIECE_BYTES)
  }
}
