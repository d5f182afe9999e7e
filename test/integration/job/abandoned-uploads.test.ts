import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { s3Storage } from '../../../handler/storage/s3.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import { abortOrphanedUploads } from '../../../runtime/worker/abandoned-uploads.ts'
import { openScratch } from '../../../runtime/worker/scratch-directory.ts'
import { KEYS, strictS3 } from '../../helpers/storage/strict-s3.ts'
import { collectLog } from '../../helpers/collected-log.ts'

test('the parts of an upload whose process was killed are dropped at the next start', async () => {
  const root = await mkdtemp(join(tmpdir(), 'recovery-'))
  const gone = spawn('true')
  await once(gone, 'exit')
  const second = Promise.withResolvers<void>()
  const stuck = new AbortController()
  await using server = await strictS3(({ name, part }) => {
    if (name !== 'part' || part !== 2) return undefined
    second.resolve()
    return 'hang'
  })
  try {
    const job = join(root, 'life', 'job-1')
    await mkdir(job, { recursive: true })
    const file = join(job, 'result.mp4')
    await writeFile(file, Buffer.alloc(11 * 2 ** 20))
    const where = { endpoint: server.origin, bucket: 'bucket', prefix: 'out', region: 'us-east-1' }
    const storage = s3Storage({ ...where, ...KEYS, partBytes: 5 * 2 ** 20 })
    const put = storage.put('a.mp4', file, stuck.signal)
    put.catch(() => {})
    await second.promise
    // What the disk looks like at this moment is what a SIGKILL leaves.
    await cp(join(root, 'life'), join(root, `${hostname()}-${gone.pid}`), { recursive: true })
    expect(server.uploads.size).toBe(1)

    await using scratch = await openScratch(root)
    const config = readConfig({
      ...{ S3_ENDPOINT: server.origin, S3_BUCKET: 'bucket', S3_PREFIX: 'out' },
      ...{ S3_KEY_ID: KEYS.keyId, S3_SECRET: KEYS.secret },
    })
    const { log, events } = collectLog()
    const never = new AbortController().signal
    // A life that ends before it has dropped them leaves them to the one after it.
    await abortOrphanedUploads(scratch.uploadJournalDir, config, AbortSignal.abort(), log)
    expect([server.uploads.size, events()]).toEqual([1, []])
    const notes = join(root, 'copy')
    await cp(scratch.uploadJournalDir, notes, { recursive: true })
    await abortOrphanedUploads(scratch.uploadJournalDir, config, never, log)
    expect([server.uploads.size, events()]).toEqual([0, ['upload.abandoned']])
    // Once more is no failure: somebody else may have been faster.
    await abortOrphanedUploads(notes, config, never, log)
    expect(events()).toEqual(['upload.abandoned', 'upload.abandoned'])
    const left = (await readdir(root)).toSorted()
    expect(left).toEqual(['life', expect.stringMatching(`^${hostname()}-${process.pid}-\\d+$`)])
    stuck.abort()
    await expect(put).rejects.toThrow()
    expect((await readdir(job)).filter((name) => name.endsWith('.upload'))).toEqual([])
  } finally {
    await rm(root, { recursive: true })
  }
})
