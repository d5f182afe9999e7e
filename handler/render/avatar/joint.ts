import { crc32 } from 'node:zlib'
import type { Box } from '../../../models/pixels/image.ts'
import type { VideoInput } from '../media/decode-video.ts'
import { fps } from '../media/media-info.ts'
import { lookedAt } from '../split/split-step.ts'
import type { ScanResult } from './avatar-cache.ts'

/** What a scan knows of the source at one of its frames. */
export interface SeenUpTo {
  /** What its pictures look like until then. */
  pictures: number
  /** Where the face is drawn. */
  box: Box | undefined
}

/** What a scan has seen up to one source frame: both sides of a joint have looked at all of that. */
export function seenUpTo(
  { placed, fingerprints }: Pick<ScanResult, 'placed' | 'fingerprints'>,
  at: number,
  { facts }: Pick<VideoInput, 'facts'>,
): SeenUpTo {
  const { first } = lookedAt({ from: at, to: at, limit: Infinity }, fps(facts.rate))
  const pictures = crc32(fingerprints.slice(first, at + 1).join())
  return { pictures, box: placed[at]?.box }
}
