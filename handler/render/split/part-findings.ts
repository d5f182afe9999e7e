import type { SpeakingFace } from '../avatar/prepare-avatars.ts'
import { shownIndex, type PlayMode } from '../frames/frame-schedule.ts'
import type { DrawStep, Joint, PartFindings } from './split-step.ts'

/** What a part that was drawn tells of its faces and its joints. */
export function partFindings(
  faces: readonly SpeakingFace[],
  { from, to, total, sourceFrames }: DrawStep,
  mode: PlayMode,
): PartFindings {
  const jointAt = (index: number): Joint => {
    const at = shownIndex(mode, index, sourceFrames, total)
    const seen = faces.map(({ avatar }) => avatar.seenUpTo(at))
    return { pictures: seen[0]!.pictures, boxes: seen.map(({ box }) => box) }
  }
  return {
    faces: faces.map(({ avatar: { withoutFace, firstShown } }) => ({ withoutFace, firstShown })),
    first: jointAt(from),
    ...(to < total && { next: jointAt(to) }),
  }
}
