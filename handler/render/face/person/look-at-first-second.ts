import { decode, type VideoInput } from '../../media/decode-video.ts'
import { fps } from '../../media/media-info.ts'
import type { RenderContext } from '../../render-context.ts'
import type { FoundFace } from '../../render-options.ts'
import { faceRegionFromLandmarks } from '../face-box.ts'
import { foundFace } from '../face-choice.ts'
import { facesIn } from './wanted-person.ts'
import { isNear, type Place } from './sighting.ts'

const LOOKS_PER_S = 4

/**
 * The faces of a source's first second, each once: as it was seen first. The largest come first.
 *
 * @throws InputError MEDIA_UNREADABLE; ModelError
 */
export async function lookAtFirstSecond(
  source: VideoInput,
  ctx: RenderContext,
): Promise<FoundFace[]> {
  const { facts } = source
  const count = Math.max(1, Math.round(fps(facts.rate)))
  const every = Math.max(1, Math.round(count / LOOKS_PER_S))
  const seen: (Place & { face: FoundFace })[] = []
  let index = 0
  for await (const picture of decode(source, { first: 0, count }, ctx)) {
    if (index % every === 0) {
      for (const { landmarks, score } of await facesIn(picture, source, ctx)) {
        const place = { region: faceRegionFromLandmarks(landmarks) }
        if (seen.some((other) => isNear(other, place))) continue
        seen.push({ ...place, face: foundFace({ frame: index, ...place, score }, facts) })
      }
    }
    ctx.buffers.give(picture)
    index++
  }
  return seen.map(({ face }) => face).toSorted((a, b) => sizeOf(b) - sizeOf(a))
}

const sizeOf = ({ box: [x1, y1, x2, y2] }: FoundFace): number => Math.max(x2 - x1, y2 - y1)
