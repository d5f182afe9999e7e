import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { RenderContext } from '../context.ts'
import type { VideoInput } from '../media/decode-video.ts'
import type { ScanOptions } from './scan-source.ts'

/** Raised whenever a scan of the same video would learn something else than before. */
const REVISION = 4

/**
 * The name of what a scan would learn: the video's content, the models, and all options that count.
 * The limit counts because a clip's neutral mouth is drawn from the frames that were looked at.
 */
export async function avatarKey(
  { file, facts }: VideoInput,
  limit: number,
  options: ScanOptions,
  { models, signal }: RenderContext,
): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { signal })) hash.update(chunk as Buffer)
  const frames = Math.ceil((facts.durationS ?? Infinity) * (facts.rate.num / facts.rate.den)) + 1
  const looked = facts.still ? 1 : Math.min(limit, frames) // all is all, however long the sound
  const { face, compat, mask } = options
  const parsed = models.graphs.parse ? mask : undefined
  const rest = [REVISION, models.id, facts, looked, face, compat, parsed]
  return hash.update(JSON.stringify(rest)).digest('hex')
}
