import * as v from 'valibot'
import { readBody } from '../net/read-body.ts'
import { parseRetryAfter, retry } from '../net/retry.ts'
import type { GuardedFetch } from '../net/guarded-fetch.ts'
import type { ProxySettings } from '../net/proxy.ts'
import { NetworkError } from '../net/network-error.ts'
import { DEFAULT_TIMEOUTS, type Timeouts } from '../net/timeouts.ts'
import { httpError, refusalIn, toUploadError } from './storage-errors.ts'
import type { S3Access } from './s3-client.ts'
import { s3Storage, type S3Storage } from './s3.ts'
import { urlPath, type Storage } from './storage.ts'

export interface B2Options {
  keyId: string
  appKey: string
  bucket: string
  prefix: string
  /** Where keys are authorized. */
  apiUrl: string
  /** Instead of the download host of the key, for a CDN. */
  publicBaseUrl?: string
  fetch: GuardedFetch
  /** For the S3 that the account has; `fetch` has its own. */
  proxy?: ProxySettings | undefined
  timeouts?: Timeouts
  partBytes?: number
}

/** @see https://www.backblaze.com/apidocs/b2-authorize-account, version 3 */
const AuthorizeResponse = v.object({
  accountId: v.string(),
  authorizationToken: v.string(),
  apiInfo: v.object({
    storageApi: v.object({
      apiUrl: v.pipe(v.string(), v.url()),
      s3ApiUrl: v.pipe(v.string(), v.url()),
      downloadUrl: v.pipe(v.string(), v.url()),
      capabilities: v.optional(v.array(v.string()), []),
    }),
  }),
})
/** @see https://www.backblaze.com/apidocs/b2-list-buckets */
const Buckets = v.object({ buckets: v.array(v.object({ bucketType: v.string() })) })

/**
 * A Backblaze B2 bucket by an application key alone: the S3 endpoint and the download host are asked
 * for, at the first use and once. A bucket known to be private answers presigned URLs.
 */
export function b2Storage(options: B2Options): Storage {
  let opened: S3Storage | undefined
  const open = async (signal: AbortSignal): Promise<S3Storage> =>
    (opened ??= await authorizeAndOpen(options, signal))
  return {
    kind: 'b2',
    put: async (name, file, signal, disposition) =>
      (await open(signal)).put(name, file, signal, disposition),
    putGrowing: async (name, file, signal, disposition) =>
      (await open(signal)).putGrowing(name, file, signal, disposition),
    putMetadata: async (name, sidecar, signal) =>
      (await open(signal)).putMetadata(name, sidecar, signal),
    find: async (name, signal) => (await open(signal)).find(name, signal),
    fetch: async (name, file, signal) => (await open(signal)).fetch(name, file, signal),
    list: async (folder, signal) => (await open(signal)).list(folder, signal),
    remove: async (name, signal) => (await open(signal)).remove(name, signal),
    abortUpload: async (note, signal) => (await open(signal)).abortUpload(note, signal),
  }
}

async function authorizeAndOpen(options: B2Options, signal: AbortSignal): Promise<S3Storage> {
  const { keyId, appKey, bucket, prefix, publicBaseUrl, timeouts = DEFAULT_TIMEOUTS } = options
  try {
    const account = await authorizeAccount(options, signal)
    const { storageApi } = account.apiInfo
    const isPrivate =
      storageApi.capabilities.includes('listBuckets') &&
      (await isPrivateBucket(account, options, signal))
    const endpoint = storageApi.s3ApiUrl
    const base = publicBaseUrl ?? `${storageApi.downloadUrl}/file/${urlPath(bucket)}`
    return s3Storage({
      ...{ endpoint, bucket, keyId, secret: appKey, prefix, timeouts, proxy: options.proxy },
      region: regionOf(endpoint),
      ...(!(isPrivate && publicBaseUrl === undefined) && { publicBaseUrl: base }),
      ...(options.partBytes !== undefined && { partBytes: options.partBytes }),
    })
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof NetworkError ? toUploadError(error) : error
  }
}

type Account = v.InferOutput<typeof AuthorizeResponse>
type B2Key = Pick<B2Options, 'keyId' | 'appKey' | 'apiUrl' | 'fetch' | 'timeouts'>

/** Where the S3 of a key's account is. @throws NetworkError */
export async function b2Access(key: B2Key, signal: AbortSignal): Promise<S3Access> {
  const { apiInfo } = await authorizeAccount(key, signal)
  const endpoint = apiInfo.storageApi.s3ApiUrl
  return { endpoint, region: regionOf(endpoint), keyId: key.keyId, secret: key.appKey }
}

async function authorizeAccount(key: B2Key, signal: AbortSignal): Promise<Account> {
  const basic = Buffer.from(`${key.keyId}:${key.appKey}`).toString('base64')
  const url = `${key.apiUrl}/b2api/v3/b2_authorize_account`
  return requestJson(AuthorizeResponse, { url, authorization: `Basic ${basic}` }, key, signal)
}

async function isPrivateBucket(
  account: Account,
  options: B2Options,
  signal: AbortSignal,
): Promise<boolean> {
  const request = {
    url: `${account.apiInfo.storageApi.apiUrl}/b2api/v3/b2_list_buckets`,
    authorization: account.authorizationToken,
    body: JSON.stringify({ accountId: account.accountId, bucketName: options.bucket }),
  }
  const { buckets } = await requestJson(Buckets, request, options, signal)
  if (buckets.length === 0)
    throw new NetworkError(`has no bucket "${options.bucket}"`, { permanent: true })
  return buckets[0]!.bucketType === 'allPrivate'
}

/** GET, or POST where there is a body; the answer checked against a schema. */
async function requestJson<S extends v.GenericSchema>(
  schema: S,
  { url, authorization, body }: { url: string; authorization: string; body?: string },
  { fetch, timeouts = DEFAULT_TIMEOUTS }: Pick<B2Options, 'fetch' | 'timeouts'>,
  signal: AbortSignal,
): Promise<v.InferOutput<S>> {
  const request = async () => {
    const answer = await fetch(url, {
      ...(body !== undefined && { method: 'POST' as const, body }),
      headers: { authorization },
      signal,
    })
    const text = await readBody(answer.body, MAX_ANSWER)
    if (answer.status === 200) return parse(schema, text)
    const { permanent, message } = httpError(answer.status, ...refusalIn(text))
    const retryAfterMs = parseRetryAfter(answer.headers['retry-after'])
    throw new NetworkError(message, { permanent, retryAfterMs })
  }
  return retry(request, timeouts.upload, signal)
}

function parse<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> {
  try {
    return v.parse(schema, JSON.parse(text))
  } catch {
    // Not as the cause: the answer has a token in it.
    throw new NetworkError('answered something that is no B2 answer', { permanent: true })
  }
}

const MAX_ANSWER = 1 << 20 // bytes

/** `https://s3.us-west-004.backblazeb2.com` → `us-west-004`; signatures need it. */
function regionOf(endpoint: string): string {
  return /^s3[.-]([a-z0-9-]+)\./.exec(new URL(endpoint).hostname)?.[1] ?? 'us-east-1'
}
