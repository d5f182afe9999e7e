import type { RenderContext } from '../../render-context.ts'
import { sourceLevels } from '../../audio/source-levels.ts'
import { decode, type VideoInput } from '../../media/decode-video.ts'
import { fps } from '../../media/media-info.ts'
import type { SourceAudio } from '../../media/probe.ts'
import { squareAround } from '../face-box.ts'
import { faceFinder } from '../face-finder.ts'
import { agreementWithSound, lipOpening, surestSpeaker } from '../mouth/lip-motion.ts'
import { appearanceIn, similarity } from './face-appearance.ts'
import { FOLLOW_WINDOW, isNear, SAME_FACE, sightingOf, type Sighting } from './sighting.ts'
import { facesIn, findWantedPerson, type WantedPerson } from './wanted-person.ts'
import type { FaceChoice } from '../../render-options.ts'

const LOOK_S = 6 // of the source
const LOOKS_PER_S = 12
const ALL_EVERY = 6 // looks: also at faces that are small in the picture
const LEAST_S = 1 // of one face
const LEAST_SURENESS = 0.2

interface Follower {
  first: { frame: number; seen: Sighting }
  last: Sighting
  openings: (number | undefined)[]
}

/**
 * Whom a job points at, or asks for by their speech; undefined where it is whoever is the largest.
 *
 * @param sound the source's own
 * @throws as `findWantedPerson` and `findSpeakingPerson` do
 */
export async function wantedPerson(
  source: VideoInput,
  choice: FaceChoice,
  sound: SourceAudio | undefined,
  ctx: RenderContext,
): Promise<WantedPerson | undefined> {
  if (choice === 'speaking') return findSpeakingPerson(source, sound, ctx)
  const points = typeof choice === 'object' && 'at' in choice
  return points ? findWantedPerson(source, choice.at, choice.frame ?? 0, ctx) : undefined
}

/**
 * Of several faces in the first seconds of a source the one whose lips move with its sound.
 *
 * @returns undefined where there are not several, it has no sound, or no lips move with it
 * @throws InputError MEDIA_UNREADABLE; ModelError
 */
async function findSpeakingPerson(
  source: VideoInput,
  sound: SourceAudio | undefined,
  ctx: RenderContext,
): Promise<WantedPerson | undefined> {
  if (!sound || source.facts.still) return undefined
  const every = Math.max(1, Math.round(fps(source.facts.rate) / LOOKS_PER_S))
  const people = await followLips(source, every, ctx)
  const least = LEAST_S * LOOKS_PER_S
  const known = people.filter(
    ({ openings }) => openings.filter((one) => one !== undefined).length >= least,
  )
  if (known.length < 2) return undefined
  const levels = await sourceLevels(source, sound, LOOK_S, ctx)
  if (!levels) return undefined
  const lookS = every / fps(source.facts.rate)
  const loudness = Array.from({ length: LOOK_S * LOOKS_PER_S + 1 }, (_, i) =>
    loudest(levels, (i - 1) * lookS, i * lookS),
  )
  const agreements = known.map(({ openings }) => agreementWithSound(openings, loudness))
  const { index, sureness } = surestSpeaker(agreements)
  return sureness < LEAST_SURENESS ? undefined : { ...known[index]!.first, sureness }
}

/** How far everybody's lips are apart, look by look. */
async function followLips(
  source: VideoInput,
  every: number,
  ctx: RenderContext,
): Promise<Follower[]> {
  const { facts } = source
  const finder = faceFinder(ctx, facts, undefined)
  const people: Follower[] = []
  const count = Math.ceil(LOOK_S * fps(facts.rate))
  let frame = 0
  for await (const picture of decode(source, { first: 0, count }, ctx)) {
    if (frame % every === 0) {
      const at = frame / every
      const wide = at % ALL_EVERY === 0
      const around = people.map(({ last }) => squareAround(last.region, FOLLOW_WINDOW, facts))
      const windows = around.filter((box) => box !== undefined)
      const faces = wide
        ? await facesIn(picture, source, ctx)
        : await Promise.all(windows.map((box) => finder.find(picture, box)))
      const look = appearanceIn(picture, facts)
      for (const face of faces.flat()) noteFace(people, sightingOf(face, look), { at, frame, wide })
    }
    ctx.buffers.give(picture)
    frame++
  }
  return people
}

/** Who is new counts only where the look was `wide`: windows see parts of neighbors. */
function noteFace(
  people: Follower[],
  seen: Sighting,
  { at, frame, wide }: { at: number; frame: number; wide: boolean },
): void {
  const person = people.find(
    ({ last }) => isNear(last, seen) && similarity(last.appearance, seen.appearance) >= SAME_FACE,
  )
  if (person) {
    person.openings[at] ??= lipOpening(seen.landmarks)
    person.last = seen
  } else if (wide) {
    const unseen = Array<undefined>(at).fill(undefined)
    const openings = [...unseen, lipOpening(seen.landmarks)]
    people.push({ first: { frame, seen }, last: seen, openings })
  }
}

const loudest = (levels: readonly number[], fromS: number, toS: number): number =>
  Math.max(-120, ...levels.slice(Math.max(0, Math.round(100 * fromS)), Math.round(100 * toS)))
