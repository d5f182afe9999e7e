import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JobError } from '../../handler/errors.ts'
import { createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import type { ProxySettings } from '../../handler/net/proxy.ts'
import { NetworkError } from '../../handler/net/network-error.ts'
import { DEFAULT_TIMEOUTS } from '../../handler/net/timeouts.ts'
import type { StoredObject } from '../../handler/storage/storage.ts'
import type { Config } from '../config/config.ts'
import { proxyOf } from '../config/proxies.ts'
import type { StorageKind } from '../config/storage-kind.ts'
import { createStorage, type StorageConfig } from '../worker/create-storage.ts'
import { fail, ok, warn, type CheckResult } from './check-result.ts'

/** A job waits out an outage of a minute; who asks for a diagnosis does not. */
const HASTY = {
  ...DEFAULT_TIMEOUTS,
  ...{ connectMs: 5_000, headersMs: 15_000, requestMs: 15_000, uploadMs: 30_000 },
  upload: { tries: 2, firstMs: 500, maxMs: 1_000 },
}

const ADVICE: Record<StorageKind, string> = {
  b2: 'check B2_KEY_ID, B2_APP_KEY and B2_BUCKET_NAME, and that the key may read and write',
  s3: 'check S3_ENDPOINT, S3_REGION, S3_BUCKET, S3_KEY_ID and S3_SECRET, and what the key may do',
  directory: 'set OUTPUT_DIR to a folder that can be written and has room',
}

/** Store a small object, find it again, fetch it as a client would, remove it. */
export async function checkStorage(
  config: StorageConfig & Pick<Config, 'OUTPUT_DIR'>,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  const kind = config.STORAGE
  const storage = await createStorage(config, undefined, HASTY)
  const folder = await mkdtemp(join(tmpdir(), 'musetalk-doctor-'))
  const name = `doctor-${randomUUID()}.mp4`
  let doing = 'written'
  try {
    const file = join(folder, name)
    await writeFile(file, `${name}: written by musetalk-worker doctor, to be removed`)
    const stored = await storage.put(name, file, signal)
    await storage.putMetadata(name, { doctor: name }, signal)
    doing = 'read'
    const found = await storage.find(name, signal)
    const same = found?.sha256 === stored.sha256 && nameIn(found.sidecar) === name
    if (!same)
      return [fail('storage', `${kind}: what was written is not what is read`, ADVICE[kind])]
    const gap = await publicProblem(kind, stored, proxyOf(config), signal)
    doing = 'removed'
    await storage.remove(name, signal)
    if (gap) return [gap]
    return [ok('storage', `${kind}: written, read, fetched as ${kindOf(stored)} and removed`)]
  } catch (error) {
    if (!(error instanceof JobError)) throw error
    if (doing !== 'removed') {
      await storage.remove(name, signal).catch(() => {})
      const found = `${kind}: an object cannot be ${doing}: ${error.message}`
      return [fail('storage', found, ADVICE[kind])]
    }
    const todo = 'let the key delete: else videos of canceled jobs stay'
    return [warn('storage', `${kind}: ${name} cannot be removed: ${error.message}`, todo)]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const nameIn = (sidecar: unknown) => (sidecar as { doctor?: unknown } | undefined)?.doctor

const kindOf = ({ url }: StoredObject) =>
  !/^https?:/.test(url) ? 'a file' : url.includes('?') ? 'a signed address' : 'a public address'

/** The address that callers are given must give them the video. Our own server does not run now. */
async function publicProblem(
  kind: StorageKind,
  { url }: StoredObject,
  proxy: ProxySettings | undefined,
  signal: AbortSignal,
): Promise<CheckResult | undefined> {
  if (kind === 'directory') return undefined
  const why = await createTrustedFetch(proxy, HASTY)(url, {
    signal,
  }).then(
    async (answer) => {
      await answer.discard()
      return answer.status === 200 ? undefined : `answers with status ${answer.status}`
    },
    (error: unknown) => {
      if (error instanceof NetworkError) return error.message
      throw error
    },
  )
  if (why === undefined) return undefined
  const { host } = new URL(url)
  const todo =
    'make the bucket public, or set S3_PUBLIC_BASE_URL to where it can be read' +
    (kind === 's3' ? ', or unset it to give signed addresses' : '')
  return warn(
    'storage',
    `${kind}: written and read, but the result’s address at ${host} ${why}`,
    todo,
  )
}
