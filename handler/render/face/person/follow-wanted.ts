import { similarity, type LookAt } from './face-appearance.ts'
import { continued, lostIn, startedWith, type Choice, type Evidence } from './person-choice.ts'
import { isNear, sightingOf, type Sighting } from './sighting.ts'
import type { WantedPerson } from './wanted-person.ts'

const SAME_PLACE = 0.45 // similarity that is enough where they were a moment ago
const ELSEWHERE = 0.7 // that is needed in another place of one shot
const OTHER_SHOT = 0.55 // that is needed after a cut, of the one that is most alike

/**
 * Where one certain person is after one more frame: nobody stands in for them, however large, or
 * however long they stay away. They are known by their place while they are seen, else by their looks.
 */
export function followWanted(
  before: Choice,
  evidence: Evidence,
  frame: number,
  look: LookAt,
  wanted: WantedPerson,
): Choice {
  const faces = evidence.faces?.map((face) => sightingOf(face, look)) ?? []
  const { followed, isNew } = evidence
  const newScene = evidence.newScene || evidence.otherView === true
  const known = before.person ?? before.former
  const isFollowed = !newScene && before.person !== undefined && evidence.track === before.track
  const now = followed && isFollowed ? continued(before, sightingOf(followed, look), look) : before
  if (frame === wanted.frame) {
    const pointed = faces.find((face) => isNear(face, wanted.seen))
    if (pointed && !(now.seen && isNear(now.seen, pointed)))
      return startedWith(pointed, faces, before.track + 1, frame)
  }
  if (now !== before) return withoutRivals(now)
  const likeness = (face: Sighting) =>
    Math.max(
      similarity(wanted.seen.appearance, face.appearance),
      ...(known ? [similarity(known.likeness, face.appearance)] : []),
      ...(known ? [similarity(known.last.appearance, face.appearance)] : []),
    )
  const [best] = faces.toSorted((a, b) => likeness(b) - likeness(a))
  const elsewhere = newScene || !before.person || isNew?.(before.person.last.region) === true
  const needed = elsewhere
    ? OTHER_SHOT
    : best && isNear(best, before.person!.last)
      ? SAME_PLACE
      : ELSEWHERE
  if (best && likeness(best) >= needed) {
    if (!elsewhere) return withoutRivals(continued(before, best, look))
    const begun = startedWith(best, faces, before.track + 1, frame)
    return { ...begun, others: [], ...(known && { former: known }) }
  }
  const lostAt = before.lostAt ?? frame
  if (newScene) return lostIn(frame, before.track + 1, lostAt, known)
  const { seen: _, ...rest } = before
  return withoutRivals({ ...rest, lostAt })
}

const withoutRivals = ({ rival: _, next: __, ...choice }: Choice): Choice => ({
  ...choice,
  others: [],
})
