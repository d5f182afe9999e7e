import { join } from 'node:path'
import { openInputBuckets, type InputBuckets } from '../../handler/inputs/input-buckets.ts'
import { UploadStore } from '../../handler/inputs/upload-store.ts'
import { createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import { DEFAULT_TIMEOUTS } from '../../handler/net/timeouts.ts'
import { limitsOf } from '../config/limits.ts'
import type { Config } from '../config/config.ts'
import { proxyOf } from '../config/proxies.ts'

/** The buckets that jobs may name, as the environment says; undefined where it names none. */
export function createInputBuckets(config: Config): InputBuckets | undefined {
  if (config.INPUT_BUCKETS.length === 0) return undefined
  const fetch = createTrustedFetch(proxyOf(config))
  return openInputBuckets({
    allowed: config.INPUT_BUCKETS,
    fetch,
    expiresS: DEFAULT_TIMEOUTS.downloadMs / 1000,
    access: {
      s3: async () => ({
        ...(config.S3_ENDPOINT !== undefined && { endpoint: config.S3_ENDPOINT }),
        ...(config.S3_ADDRESSING_STYLE !== 'auto' && { addressing: config.S3_ADDRESSING_STYLE }),
        proxy: proxyOf(config),
        region: config.S3_REGION,
        keyId: config.S3_KEY_ID!, // readConfig has seen that they are there
        secret: config.S3_SECRET!,
      }),
      b2: async (signal) => {
        const { b2Access } = await import('../../handler/storage/b2.ts')
        const key = {
          keyId: config.B2_KEY_ID!,
          appKey: config.B2_APP_KEY!,
          apiUrl: config.B2_API_URL,
        }
        return b2Access({ ...key, fetch }, signal)
      },
    },
  })
}

const MAX_UPLOADS = 1000
const STALL_MS = 30_000

/** The uploads of this process: with the rest of its scratch they are gone when it ends. */
export function createUploads(config: Config, scratch: string): UploadStore {
  return new UploadStore(join(scratch, 'uploads'), {
    maxBytes: limitsOf(config).maxInputBytes,
    maxTotalBytes: config.UPLOADS_MAX_MB * 1e6,
    maxCount: MAX_UPLOADS,
    ttlMs: config.UPLOADS_TTL_SEC * 1000,
    stallMs: STALL_MS,
  })
}
