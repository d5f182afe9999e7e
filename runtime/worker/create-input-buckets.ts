import { openInputBuckets, type InputBuckets } from '../../handler/inputs/input-buckets.ts'
import { createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import { DEFAULT_TIMEOUTS } from '../../handler/net/timeouts.ts'
import type { Config } from '../config/config.ts'

/** The buckets that jobs may name, as the environment says; undefined where it names none. */
export function createInputBuckets(config: Config): InputBuckets | undefined {
  if (config.INPUT_BUCKETS.length === 0) return undefined
  const fetch = createTrustedFetch()
  return openInputBuckets({
    allowed: config.INPUT_BUCKETS,
    fetch,
    expiresS: DEFAULT_TIMEOUTS.downloadMs / 1000,
    access: {
      s3: async () => ({
        ...(config.S3_ENDPOINT !== undefined && { endpoint: config.S3_ENDPOINT }),
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
