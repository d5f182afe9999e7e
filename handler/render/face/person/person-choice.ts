import type { FaceDetection, Region } from '../face-box.ts'
import { blended, difference, similarity } from './face-appearance.ts'
import type { Appearance, LookAt } from './face-appearance.ts'
import { isNear, sightingOf, sizeOf, type Sighting } from './sighting.ts'

/** Somebody in the picture. */
export interface Person {
  /** Where they were seen last. */
  last: Sighting
  /** What they looked like until then. */
  likeness: Appearance
  /** The picture where they were seen first; people change it, photos do not. */
  anchor: { region: Region; appearance: Appearance; frame: number }
  moved: boolean
}

/** Who speaks, as far as it is known after a frame. */
export interface Choice {
  /** Who is followed; they may be hidden at the moment. */
  person?: Person
  /** Frames in which the same number was followed are one piece: nothing goes from one to another. */
  track: number
  /** The frame since which it is this person in this shot, whatever hid them meanwhile. */
  since: number
  /** Where the person is in this frame. */
  seen?: Sighting
  /** First frame without them. */
  lostAt?: number
  /** Who else is in the picture. */
  others: Person[]
  /** Who would speak rather, and since when that is known. */
  rival?: { person: Person; since: number }
  /** Who takes over, as soon as somebody looks where they are. */
  next?: Person
  /** From whom somebody larger took over; they speak again when that one leaves. */
  former?: Person
}

/** What was looked for in a frame, and found. */
export interface Evidence {
  /** The person that was followed, by the track that was expected. */
  followed?: FaceDetection | undefined
  track: number
  /** All faces of the picture, the largest first; absent where nobody looked. */
  faces?: readonly FaceDetection[] | undefined
  /** A shot begins here: places mean nothing any more. */
  newScene: boolean
  /** The picture has become another one since they were lost, little by little: places mean little. */
  otherView?: boolean
  /** What of the picture is new, where not all of it: another shot in a part of it, or a cover. */
  isNew?: ((region: Region) => boolean) | undefined
}

export interface ChoiceTimes {
  /** Frames that a larger face must be there before it takes over. */
  confirm: number
  /** Frames that somebody must have been there to be missed. */
  settled: number
  /** Frames after which a likeness in another place is enough, and a photo is forgotten. */
  longGone: number
}

export const NOBODY: Choice = { track: 0, since: 0, others: [] }

// Six clips of different people: .45 at most, .38 in all but the most alike twentieth; a mirrored one .7.
// The same person turning, laughing, leaning: .5 and more in all but a twentieth, mostly .75 and more.
const ALIKE = 0.45
const ELSEWHERE = 0.7 // that is needed in another place, where somebody else may stand as well
const LARGER = 1.5 // times the size of who speaks: takes over
const COMPARABLE = 0.6 // times the size: takes over from a photo; is preferred where it is known
const STILL = 1.5 // levels: what a photo changes by
const LIKENESS_SHARE = 0.1 // of a new look at somebody

/** Who speaks after one more frame. */
export function choose(
  before: Choice,
  evidence: Evidence,
  frame: number,
  look: LookAt,
  times: ChoiceTimes,
): Choice {
  const faces = evidence.faces?.map((face) => sightingOf(face, look))
  if (evidence.newScene) return chooseInNewScene(before, faces ?? [], frame)
  if (!before.person) return faces ? chooseInNewScene(before, faces, frame) : before
  const { followed } = evidence
  if (followed && before.next && evidence.track === before.track + 1)
    return takeOver(before, sightingOf(followed, look), frame)
  if (followed && evidence.track === before.track) {
    const now = continued(before, sightingOf(followed, look), look)
    return faces ? reviewed(now, faces, frame, look, times) : now
  }
  const { isNew, otherView } = evidence
  const { last } = before.person
  const found = { faces: faces ?? [], frame, otherView }
  const covered = isNew?.(last.region) === true
  if (!covered && !otherView) return recognized(before, found, look, times)
  const piece = recognized({ ...before, track: before.track + 1 }, found, look, times)
  if (!covered) return piece
  // Who stands in the very place is somebody else; in another, the shot is, and who is known from afar?
  const fresh = faces?.find((face) => isNew(face.region) && !isNear(last, face))
  return piece.seen || !fresh ? piece : startedWith(fresh, faces!, before.track + 1, frame)
}

/** The largest; or somebody of about that size who looks like the one that spoke. */
function chooseInNewScene(before: Choice, faces: readonly Sighting[], frame: number): Choice {
  const known = before.person ?? before.former
  const [largest] = faces
  if (!largest) return lostIn(frame, before.track + 1, frame, known)
  const likeness = (face: Sighting) => (known ? similarity(known.likeness, face.appearance) : 0)
  const chosen = faces
    .filter((face) => sizeOf(face) >= COMPARABLE * sizeOf(largest) && likeness(face) >= ELSEWHERE)
    .toSorted((a, b) => likeness(b) - likeness(a))
    .concat(largest)[0]!
  return startedWith(chosen, faces, before.track + 1, frame)
}

/** Nobody is there in a new shot. */
export const lostIn = (since: number, track: number, lostAt: number, former?: Person): Choice => ({
  ...{ track, since, others: [], lostAt },
  ...(former && { former }),
})

export const startedWith = (
  chosen: Sighting,
  faces: readonly Sighting[],
  track: number,
  frame: number,
): Choice => ({
  track,
  since: frame,
  person: met(chosen, frame),
  seen: chosen,
  others: faces.filter((face) => face !== chosen).map((face) => met(face, frame)),
})

function takeOver({ person, next, others, track }: Choice, seen: Sighting, frame: number): Choice {
  return {
    track: track + 1,
    since: frame,
    person: { ...next!, last: seen },
    seen,
    others: [...others.filter(({ last }) => !isNear(last, next!.last)), person!],
    former: person!,
  }
}

/** The same person, seen once more. */
export function continued(before: Choice, seen: Sighting, look: LookAt): Choice {
  const { lostAt: _, ...rest } = before
  const person = before.person!
  const likeness = blended(person.likeness, seen.appearance, LIKENESS_SHARE)
  return {
    ...rest,
    seen,
    person: { ...person, likeness, last: seen, moved: hasMoved(person, look) },
  }
}

/** Somebody else may have come who is larger, or who lives where the one that speaks hangs on a wall. */
function reviewed(
  now: Choice,
  faces: readonly Sighting[],
  frame: number,
  look: LookAt,
  { confirm }: ChoiceTimes,
): Choice {
  const person = now.person!
  const others = faces
    .filter((face) => !isNear(face, now.seen!))
    .map((face) => {
      const known = now.others.find(({ last }) => isNear(last, face))
      return known ? { ...known, last: face, moved: hasMoved(known, look) } : met(face, frame)
    })
  const isPhoto = !person.moved && frame - person.anchor.frame >= confirm
  const ratio = (other: Person) => sizeOf(other.last) / sizeOf(person.last)
  const beats = (other: Person) =>
    ratio(other) >= LARGER || (isPhoto && other.moved && ratio(other) >= COMPARABLE)
  // Beside a photo whoever has just come is looked at again soon: to see whether they move.
  const mayBeat = (other: Person) =>
    isPhoto && ratio(other) >= COMPARABLE && frame - other.anchor.frame <= 2 * confirm
  const rival = others.find(beats) ?? others.find(mayBeat)
  const { rival: earlier, next: _, ...rest } = now
  if (!rival) return { ...rest, others }
  const same = earlier && isNear(earlier.person.last, rival.last)
  const since = same ? earlier.since : frame
  const certain = beats(rival) && frame - since >= confirm
  return { ...rest, others, rival: { person: rival, since }, ...(certain && { next: rival }) }
}

/**
 * The person is not where they were: which of the faces is theirs, if any? Nobody else speaks for them,
 * but from whom they took over; or after a photo, or who was there for a moment only.
 */
function recognized(
  before: Choice,
  {
    faces,
    frame,
    otherView,
  }: { faces: readonly Sighting[]; frame: number; otherView?: boolean | undefined },
  look: LookAt,
  { settled, longGone }: ChoiceTimes,
): Choice {
  const person = before.person!
  const lostAt = before.lostAt ?? frame
  const lost = frame - lostAt
  const { seen: _, next: __, rival: ___, former, ...rest } = before
  rest.others = before.others.map((other) => {
    const face = faces.find((each) => isSomebody(other, each))
    return face ? { ...other, last: face } : other
  })
  const free = faces.filter((face) => !before.others.some((other) => isSomebody(other, face)))
  const looks = [person.likeness, person.last.appearance, person.anchor.appearance]
  const likeness = (face: Sighting) =>
    Math.max(...looks.map((one) => similarity(one, face.appearance)))
  const [best] = free.toSorted((a, b) => likeness(b) - likeness(a))
  const needed =
    otherView || lost >= longGone || (best && isNear(best, person.last)) ? ALIKE : ELSEWHERE
  if (best && likeness(best) >= needed) return continued(before, best, look)
  const back = former && faces.find((face) => isSomebody(former, face))
  const passing = lostAt - person.anchor.frame < settled && lost >= settled
  const photo = !person.moved && lost >= longGone
  const chosen = back ?? (passing || photo ? faces[0] : undefined)
  if (chosen) return startedWith(chosen, faces, before.track + 1, frame)
  return { ...rest, lostAt, ...(former && { former }) }
}

/** Whether a face is where somebody was, and looks like them. */
const isSomebody = ({ last, likeness }: Person, face: Sighting): boolean =>
  isNear(last, face) && similarity(likeness, face.appearance) >= ALIKE

const met = (face: Sighting, frame: number): Person => ({
  last: face,
  likeness: face.appearance,
  anchor: { region: face.region, appearance: face.appearance, frame },
  moved: false,
})

const hasMoved = ({ moved, anchor }: Person, look: LookAt): boolean =>
  moved || difference(anchor.appearance, look(anchor.region)) > STILL
