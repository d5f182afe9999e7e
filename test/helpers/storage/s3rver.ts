import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// @ts-expect-error it has no types
import S3rver from 's3rver'

/** The only keys that it knows. */
export const S3RVER_KEYS = { keyId: 'S3RVER', secret: 'S3RVER' }

interface Server {
  run(): Promise<AddressInfo>
  close(): Promise<void>
}

/** Somebody else's S3 in this process, with one bucket, `bucket`. Its signatures are not enforced. */
export async function s3rver(): Promise<AsyncDisposable & { endpoint: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'musetalk-s3rver-'))
  const server = new S3rver({
    ...{ address: '127.0.0.1', port: 0, silent: true, directory },
    ...{ configureBuckets: [{ name: 'bucket', configs: [] }], allowMismatchedSignatures: true },
  }) as Server
  const { port } = await server.run()
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
