const KINDS = ['b2', 's3', 'directory'] as const
export type StorageKind = (typeof KINDS)[number]

/** What each kind cannot do without. */
const NEEDS: Record<StorageKind, readonly string[]> = {
  b2: ['B2_KEY_ID', 'B2_APP_KEY', 'B2_BUCKET_NAME'],
  s3: ['S3_BUCKET', 'S3_KEY_ID', 'S3_SECRET'],
  directory: [],
}
const POINTS_TO_S3 = [...NEEDS.s3, 'S3_ENDPOINT']

/**
 * Which store the environment means: what STORAGE says, else the one whose variables are set.
 * @returns problems as lines where it is not clear, or where variables are missing
 */
export function storageKind(env: NodeJS.ProcessEnv): StorageKind | string[] {
  const b2 = NEEDS.b2.some((name) => env[name])
  const s3 = POINTS_TO_S3.some((name) => env[name])
  if (!env['STORAGE'] && b2 && s3) {
    return ['STORAGE: say b2 or s3, because variables of both are set']
  }
  const kind =
    KINDS.find((kind) => kind === env['STORAGE']) ?? (b2 ? 'b2' : s3 ? 's3' : 'directory')
  const missing = NEEDS[kind].filter((name) => !env[name])
  return missing.length === 0
    ? kind
    : missing.map((name) => `${name}: is missing for ${kind} storage`)
}
