import type { JobContext } from './job-context.ts'
import type { StoredPicture } from './events/job-events.ts'
import { objectName, type Job } from './job/parse-job.ts'
import { pictureEndings } from './render/encode/pictures.ts'
import { presignedStorage } from './storage/presigned.ts'
import type { Storage } from './storage/storage.ts'

export interface StoredPictures {
  poster?: StoredPicture
  preview?: StoredPicture
}

/**
 * Store the pictures that a job wants of its result, beside it or where they have a place of their own.
 *
 * @param video the finished file; they lie beside it
 * @throws UpstreamError UPLOAD_FAILED, WorkerError DISK_FULL, InputError BLOCKED_URL
 */
export async function uploadPictures(
  job: Job,
  video: string,
  storage: Storage,
  ctx: JobContext,
): Promise<StoredPictures> {
  const stored: StoredPictures = {}
  for (const [kind, ending] of kindsOf(job)) {
    const own = job.output[kind]?.url
    const place = own === undefined ? storage : presignedStorage(own, ctx.fetch, ctx.timeouts)
    const name = `${objectName(job)}${ending}`
    const { key, url, bytes } = await place.put(name, `${video}${ending}`, ctx.signal)
    await place.putMetadata(name, { picture_of: job.id }, ctx.signal)
    stored[kind] = { url, key, bytes }
  }
  return stored
}

/** The pictures of a result that is stored already; undefined where one of them is not there. */
export async function findPictures(
  job: Job,
  { storage, signal }: Pick<JobContext, 'storage' | 'signal'>,
): Promise<StoredPictures | undefined> {
  const stored: StoredPictures = {}
  for (const [kind, ending] of kindsOf(job)) {
    if (job.output[kind]?.url !== undefined) return undefined // it can only be written to
    const found = await storage.find(`${objectName(job)}${ending}`, signal).catch(() => undefined)
    if (!found) return undefined
    stored[kind] = { url: found.url, key: found.key, bytes: found.bytes }
  }
  return stored
}

const kindsOf = ({ output }: Job) =>
  Object.entries(pictureEndings(output)) as [keyof StoredPictures, string][]
