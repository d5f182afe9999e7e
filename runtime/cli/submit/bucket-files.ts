import { randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import type { Storage } from '../../../handler/storage/storage.ts'
import type { Config } from '../../config/config.ts'
import { createStorage } from '../../worker/create-storage.ts'
import { UsageError } from '../command.ts'
import type { Destination } from './destination.ts'

/** Sends files through the bucket that the environment names, for workers that nobody here can reach. */
export function bucketFiles(config: Config): Pick<Destination, 'sendFile'> {
  let opened: Promise<Storage> | undefined
  return {
    async sendFile(path, signal, onProgress) {
      if (config.STORAGE === 'directory') {
        throw new UsageError(
          `"${path}" has to get to the worker by a bucket: set S3_… or B2_… (docs/storage.md), ` +
            'or name it by a URL',
        )
      }
      onProgress(0)
      const storage = await (opened ??= createStorage(config))
      const name = `submitted/${randomUUID()}/${basename(path).replaceAll(/[^\w.-]/g, '_')}`
      const { url } = await storage.put(name, path, signal)
      return { address: url, remove: (signal) => storage.remove(name, signal) }
    },
  }
}
