import { UpstreamError } from '../errors.ts'
import type { GuardedFetch } from '../net/guarded-fetch.ts'
import { NetworkError } from '../net/network-error.ts'
import type { S3Access } from '../storage/s3-client.ts'

const SCHEMES = ['s3', 'b2'] as const
type Scheme = (typeof SCHEMES)[number]

export interface BucketOptions {
  /** `s3://bucket` or `b2://bucket/prefix`: what jobs may name. */
  allowed: readonly string[]
  /** The worker's own way to each store. @throws NetworkError */
  access: Partial<Record<Scheme, (signal: AbortSignal) => Promise<S3Access>>>
  /** For addresses of the stores: the operator named them, so they may be anywhere. */
  fetch: GuardedFetch
  /** Seconds in which a download may begin, tries included. */
  expiresS: number
}

/** Objects that jobs may name by bucket and key, read with the worker's own credentials. */
export interface InputBuckets {
  /** Why this worker does not read it, as the end of a sentence; undefined where it does. */
  problem(address: string): string | undefined
  /** A URL that `fetch` can read for a while. @throws UpstreamError DOWNLOAD_FAILED; the signal's reason */
  presign(address: string, signal: AbortSignal): Promise<string>
  fetch: GuardedFetch
}

export function openInputBuckets({
  allowed,
  access,
  fetch,
  expiresS,
}: BucketOptions): InputBuckets {
  const prefixes = allowed.map((prefix) => prefix.replace(/\/*$/, '/'))
  return {
    fetch,
    problem(address) {
      const named = parseBucketAddress(address)
      if (!named) return 'must be s3://<bucket>/<key> or b2://<bucket>/<key>'
      const { scheme, bucket } = named
      if (prefixes.some((prefix) => address.startsWith(prefix))) return undefined
      return `is outside of what this worker reads; "${scheme}://${bucket}" is not in INPUT_BUCKETS`
    },
    async presign(address, signal) {
      const { scheme, bucket, key } = parseBucketAddress(address)!
      try {
        const { presignGet } = await import('../storage/s3-client.ts')
        return await presignGet(await access[scheme]!(signal), bucket, key, expiresS)
      } catch (cause) {
        signal.throwIfAborted()
        if (!(cause instanceof NetworkError)) throw cause
        const message = `the store ${cause.message}`
        throw new UpstreamError('DOWNLOAD_FAILED', message, { cause, retryable: !cause.permanent })
      }
    },
  }
}

/** The parts of `s3://bucket/key`; the key is taken as it stands. */
export function parseBucketAddress(
  address: string,
): { scheme: Scheme; bucket: string; key: string } | undefined {
  const [, scheme, bucket, key] =
    /^(s3|b2):\/\/([A-Za-z0-9][A-Za-z0-9.-]{1,61}[A-Za-z0-9])\/([^\p{Cc}]{1,1024})$/u.exec(
      address,
    ) ?? []
  // A part that climbs would leave an allowed prefix once somebody resolved the address.
  if (!scheme || !key || key.split('/').some((part) => part === '.' || part === '..'))
    return undefined
  return { scheme: scheme as Scheme, bucket: bucket!, key }
}
