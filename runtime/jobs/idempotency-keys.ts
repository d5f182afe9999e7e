import { createHash } from 'node:crypto'
import { canonicalJson } from '../../handler/job/input-digest.ts'
import { InputError } from '../../handler/errors.ts'

const TTL_MS = 24 * 3600_000
const MAX_KEYS = 10_000
const KEY = /^[\x21-\x7e]{1,255}$/

/** What a request's key says about its job. */
export interface KeyedRequest {
  /** Id of the job where its payload names none; undefined without a key. */
  id?: string
  /** The job was taken: from now on the key stands for this body. */
  remember(): void
}

/**
 * The keys by which clients make sure that a request which they send again is done once. A key names its
 * job: the same key finds the same job, while it runs and, in the store, long after.
 *
 * @see draft-ietf-httpapi-idempotency-key-header
 */
export class IdempotencyKeys {
  readonly #now: () => number
  /** In the order of their expiry. */
  readonly #bodies = new Map<string, { digest: string; expires: number }>()

  constructor(now = Date.now) {
    this.#now = now
  }

  /**
   * @param header of the request, with quotes or without
   * @throws InputError INVALID_JOB for what is no key; JOB_CONFLICT where it stands for another body
   */
  check(header: string | undefined, body: unknown): KeyedRequest {
    if (header === undefined) return { remember() {} }
    const key = header.trim().replace(/^"(.*)"$/, '$1')
    if (!KEY.test(key)) {
      const message = 'the Idempotency-Key must be 1 to 255 printable characters without spaces'
      throw new InputError('INVALID_JOB', message)
    }
    const digest = sha256(canonicalJson(body))
    const known = this.#bodies.get(key)
    if (known && known.expires > this.#now() && known.digest !== digest) {
      const message = 'the Idempotency-Key was used with another body in the last 24 hours'
      throw new InputError('JOB_CONFLICT', message)
    }
    return { id: `key-${sha256(key).slice(0, 32)}`, remember: () => this.#remember(key, digest) }
  }

  #remember(key: string, digest: string): void {
    this.#bodies.delete(key)
    this.#bodies.set(key, { digest, expires: this.#now() + TTL_MS })
    for (const [oldest, { expires }] of this.#bodies) {
      if (this.#bodies.size <= MAX_KEYS && expires > this.#now()) return
      this.#bodies.delete(oldest)
    }
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
