import { createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import { directoryStorage, filesUrl } from '../../handler/storage/directory.ts'
import type { Timeouts } from '../../handler/net/timeouts.ts'
import type { Storage } from '../../handler/storage/storage.ts'
import type { Config } from '../config/config.ts'
import { proxyOf } from '../config/proxies.ts'

export type StorageConfig = Pick<
  Config,
  | ('ALL_PROXY' | 'HTTP_PROXY' | 'HTTPS_PROXY' | 'NO_PROXY')
  | ('B2_API_URL' | 'B2_APP_KEY' | 'B2_BUCKET_NAME' | 'B2_KEY_ID' | 'B2_PREFIX')
  | ('OUTPUT_DIR' | 'PUBLIC_BASE_URL' | 'STORAGE')
  | (
      | 'S3_ADDRESSING_STYLE'
      | 'S3_BUCKET'
      | 'S3_ENDPOINT'
      | 'S3_KEY_ID'
      | 'S3_PREFIX'
      | 'S3_PUBLIC_BASE_URL'
    )
  | ('S3_REGION' | 'S3_SECRET')
>

/**
 * Where results go, by what the environment says; `readConfig` has checked that all of it is there.
 * The S3 client is loaded only where it is used.
 *
 * @param urlOf what a directory store answers for a key where there is no PUBLIC_BASE_URL: a path
 *   where unset
 * @param timeouts with the store's server; a job's where unset
 */
export async function createStorage(
  config: StorageConfig,
  urlOf?: (key: string) => string,
  timeouts?: Timeouts,
): Promise<Storage> {
  const base = config.PUBLIC_BASE_URL
  const publicBaseUrl = config.S3_PUBLIC_BASE_URL
  switch (config.STORAGE) {
    case 'directory':
      return directoryStorage(config.OUTPUT_DIR, base ? (key) => filesUrl(base, key) : urlOf)
    case 's3': {
      const { s3Storage } = await import('../../handler/storage/s3.ts')
      return s3Storage({
        ...(config.S3_ENDPOINT !== undefined && { endpoint: config.S3_ENDPOINT }),
        ...(config.S3_ADDRESSING_STYLE !== 'auto' && { addressing: config.S3_ADDRESSING_STYLE }),
        ...(publicBaseUrl !== undefined && { publicBaseUrl }),
        ...(timeouts && { timeouts }),
        proxy: proxyOf(config),
        region: config.S3_REGION,
        bucket: config.S3_BUCKET!,
        keyId: config.S3_KEY_ID!,
        secret: config.S3_SECRET!,
        prefix: config.S3_PREFIX,
      })
    }
    case 'b2': {
      const { b2Storage } = await import('../../handler/storage/b2.ts')
      return b2Storage({
        ...(publicBaseUrl !== undefined && { publicBaseUrl }),
        ...(timeouts && { timeouts }),
        keyId: config.B2_KEY_ID!,
        appKey: config.B2_APP_KEY!,
        bucket: config.B2_BUCKET_NAME!,
        prefix: config.B2_PREFIX,
        apiUrl: config.B2_API_URL,
        proxy: proxyOf(config),
        fetch: createTrustedFetch(proxyOf(config)),
      })
    }
  }
}
