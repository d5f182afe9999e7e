import { createHash } from 'node:crypto'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Readable } from 'node:stream'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { ProxySettings } from '../net/proxy.ts'

/** Where an S3 is and who we are there. */
export interface S3Access {
  /** AWS itself where unset. */
  endpoint?: string
  /** How requests name the bucket; by what is known of the endpoint where unset. */
  addressing?: Addressing
  proxy?: ProxySettings | undefined
  region: string
  keyId: string
  secret: string
}

/** In the path of an endpoint's address, or as the first part of its host name. */
export type Addressing = 'path' | 'virtual'

/** Alibaba, Tencent and Volcengine refuse the bucket in the path. */
const VIRTUAL_ONLY = /\.(aliyuncs\.com|myqcloud\.com|tencentcos\.\w+|volces\.com|ivolces\.com)$/

const addressingOf = (endpoint: string): Addressing =>
  VIRTUAL_ONLY.test(new URL(endpoint).hostname) ? 'virtual' : 'path'

const PIECE_BYTES = 65_536

export interface OpenS3Client {
  client: S3Client
  /** Have something called whenever the request of this signal gets further. */
  onProgress(request: AbortSignal, moved: () => void): void
  /**
   * Name the bucket in the host from now on, because the store wants that.
   * @returns false where it is done already, or the operator has said otherwise
   */
  useVirtualHost(): boolean
}

/**
 * Any S3. Checksum headers only where S3 requires them (`WHEN_REQUIRED`): others than AWS refuse
 * them, or store the framing of a checksummed stream as if it were content. Each body goes with its
 * MD5 instead, which everybody checks.
 */
export function createS3Client(access: S3Access, connectMs?: number): OpenS3Client {
  const { endpoint, region, keyId, secret } = access
  const client = new S3Client({
    region,
    credentials: { accessKeyId: keyId, secretAccessKey: secret },
    ...(endpoint !== undefined && {
      endpoint,
      forcePathStyle: (access.addressing ?? addressingOf(endpoint)) === 'path',
    }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1, // retried by whoever calls, with the job's signal
    requestHandler: {
      ...(connectMs !== undefined && { connectionTimeout: connectMs }),
      ...(access.proxy && agentsOf(access.proxy)),
    },
  })
  addContentMd5(client)
  const listeners = new WeakMap<AbortSignal, () => void>()
  sendInPieces(client, listeners)
  return {
    client,
    onProgress: (request, moved) => void listeners.set(request, moved),
    useVirtualHost() {
      if (access.addressing !== undefined || !client.config.forcePathStyle) return false
      client.config.forcePathStyle = false // it is read anew for each request
      return true
    },
  }
}

/** Node's own agents know proxies. */
function agentsOf({ http, https, bypass }: ProxySettings) {
  const proxyEnv = {
    ...(http !== undefined && { HTTP_PROXY: http }),
    ...(https !== undefined && { HTTPS_PROXY: https }),
    NO_PROXY: bypass,
  }
  const options = { keepAlive: true, proxyEnv }
  return { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent(options) }
}

/** Every body goes with its MD5; a store that gets other bytes refuses them, and they are sent again. */
function addContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { body, headers } = args.request as { body: unknown; headers: Record<string, string> }
      if (body instanceof Uint8Array) {
        headers['content-md5'] = createHash('md5').update(body).digest('base64')
      }
      return next(args)
    },
    { step: 'build', name: 'contentMd5' },
  )
}

/** Behind all that signs: a body is handed over as fast as the line takes it, so that it is seen to move. */
function sendInPieces(client: S3Client, listeners: WeakMap<AbortSignal, () => void>): void {
  const handler = client.config.requestHandler
  const handle = handler.handle.bind(handler)
  handler.handle = (request, options) => {
    // The signal is the same that the request was sent with.
    const moved = listeners.get((options as { abortSignal?: AbortSignal }).abortSignal!)
    const { body } = request as { body?: unknown }
    if (moved && body instanceof Uint8Array && body.length > PIECE_BYTES) {
      request.body = Readable.from(pieces(body, moved), { objectMode: false })
    }
    return handle(request, options)
  }
}

function* pieces(bytes: Uint8Array, moved: () => void) {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    moved()
    yield bytes.subarray(at, at + PIECE_BYTES)
  }
  moved()
}

/**
 * A URL by which whoever has it can read one object. Nothing is asked of the store: an object that is
 * not there answers when it is read.
 *
 * @param expiresIn seconds
 */
export async function presignGet(
  access: S3Access,
  bucket: string,
  key: string,
  expiresIn: number,
): Promise<string> {
  const { client } = createS3Client(access)
  return getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: key }), { expiresIn })
}
