import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()

const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/**
 * What is wrong with a request's AWS signature version 4, in its headers or in its query; undefined
 * when nothing is. Written from the specification, to check clients with.
 */
export function signatureProblem(
  request: IncomingMessage,
  body: Uint8Array,
  keys: { keyId: string; secret: string },
  now = Date.now(),
): string | undefined {
  const { pathname, searchParams } = new URL(request.url!, 'http://any')
  const header = request.headers.authorization
  const inQuery = searchParams.has('X-Amz-Signature')
  const given = inQuery
    ? {
        credential: searchParams.get('X-Amz-Credential')!,
        signedHeaders: searchParams.get('X-Amz-SignedHeaders')!,
        signature: searchParams.get('X-Amz-Signature')!,
        date: searchParams.get('X-Amz-Date')!,
      }
    : {
        credential: /Credential=([^, ]+)/.exec(header ?? '')?.[1],
        signedHeaders: /SignedHeaders=([^, ]+)/.exec(header ?? '')?.[1],
        signature: /Signature=([0-9a-f]+)/.exec(header ?? '')?.[1],
        date: String(request.headers['x-amz-date']),
      }
  const { credential, signedHeaders, signature, date } = given
  if (!credential || !signedHeaders || !signature) return 'AccessDenied'
  const [keyId, day, region, service, end] = credential.split('/')
  if (keyId !== keys.keyId) return 'InvalidAccessKeyId'
  const payload = String(request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD')
  if (/^[0-9a-f]{64}$/.test(payload) && payload !== sha256(body)) {
    return 'XAmzContentSHA256Mismatch'
  }
  const time = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
  if (inQuery && now > time + 1000 * Number(searchParams.get('X-Amz-Expires')))
    return 'AccessDenied'
  if (inQuery && now < time - 900_000) return 'AccessDenied' // "Request is not yet valid"
  if (!inQuery && Math.abs(now - time) > 900_000) return 'RequestTimeTooSkewed'
  searchParams.delete('X-Amz-Signature')
  const query = [...searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join('&')
  const headers = signedHeaders
    .split(';')
    .map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}\n`)
    .join('')
  const path = pathname
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/')
  const canonical = [request.method, path, query, headers, signedHeaders, payload].join('\n')
  const scope = [day, region, service, end].join('/')
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  const key = [day!, region!, service!, end!].reduce(hmac, Buffer.from(`AWS4${keys.secret}`))
  return hmac(key, toSign).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch'
}
