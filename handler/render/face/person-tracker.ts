import type { Box } from '../../../models/pixels/image.ts'
import type { RenderContext } from '../render-context.ts'
import { fps, type VideoInfo } from '../media/media-info.ts'
import type { RenderOptions } from '../render-options.ts'
import { appearanceIn, similarity, type LookAt } from './person/face-appearance.ts'
import { centerAndSide, squareAround, type FaceDetection, type Region } from './face-box.ts'
import { bySize, type Candidate, type FaceFinder } from './face-finder.ts'
import { agree, faceFollower } from './face-follower.ts'
import { isDrawable } from './face-plausibility.ts'
import type { Tracked, Tracker } from './tracked-face.ts'
import { choose, NOBODY, type Choice, type Evidence, type Person } from './person/person-choice.ts'
import { FOLLOW_WINDOW, SAME_FACE, sightingOf } from './person/sighting.ts'
import { followWanted } from './person/follow-wanted.ts'
import type { WantedPerson } from './person/wanted-person.ts'
import { changeOf, isSameBackdrop, isSameScene } from './scene-cut.ts'
import type { Cut, Thumbnail, ViewedFrame } from './scene-cut.ts'

const SMALL = 1 / 8 // of the area's shorter side: faces that a look at the whole may miss
const TILE_EVERY_S = 0.5 // how often small faces are searched for while there is none
const LOOK_EVERY_S = 2 // how often all faces of the picture are looked at
const LOOK_CHANGED_S = 0.5 // the same where something has moved since
const CHANGED = 10 // levels, in some part of the picture
const NEAR_S = 1 // how long somebody who was lost is looked for where they were
const CONFIRM_S = 0.24
const SETTLED_S = 0.5
const LONG_GONE_S = 4

/** What is known after a frame. */
interface State {
  choice: Choice
  /** The picture when the person was seen last. */
  view: Thumbnail | undefined
}

/** What happened since the frame from which one is searched. */
interface Since {
  cuts: readonly Cut[]
  /** A look at all faces is due. */
  look: boolean
  /** Frames since a shot began. */
  shot: number
}

/**
 * Follows one person. While they are seen only their neighborhood is converted and searched, where
 * the bundle can by their landmarks alone, which the detector confirms now and then. All of the
 * picture is looked at where a shot begins, where they are lost, and at intervals, for somebody
 * larger may have come, or the face may be a photo's. Where that finds nothing, overlapping tiles,
 * because a detector that sees 192 px misses a face of 60 px in a 1080p frame.
 *
 * With `wanted` it is that person and nobody else: see `followWanted`.
 *
 * Frames are searched side by side; who it is that was found is decided one frame after the other.
 */
export function personTracker(
  ctx: Pick<RenderContext, 'models' | 'pixels' | 'buffers'>,
  facts: VideoInfo,
  finder: FaceFinder,
  area: Box,
  compat: RenderOptions['compat'],
  lag: number,
  wanted?: WantedPerson,
): Tracker {
  const follower = compat === 'reference' ? undefined : faceFollower(ctx, facts, lag)
  const frames = (seconds: number) => Math.max(1, Math.round(seconds * fps(facts.rate)))
  const times = {
    confirm: frames(CONFIRM_S),
    settled: frames(SETTLED_S),
    longGone: frames(LONG_GONE_S),
  }
  const due = lookSchedule(frames(LOOK_EVERY_S), frames(LOOK_CHANGED_S))
  const tilesEvery = frames(TILE_EVERY_S)
  const short = Math.min(area[2] - area[0], area[3] - area[1])
  const states: Promise<State>[] = [] // of the last frames, as many as the lag
  let cuts: { at: number; cut: Cut }[] = []
  let shot = 0 // the frame in which it began
  let shown: Thumbnail | undefined // the last picture that was not blank
  let dark = true // whether the frame before was blank

  async function findNear(frame: Uint8Array, region: Region): Promise<Candidate | undefined> {
    const window = squareAround(region, FOLLOW_WINDOW, facts)
    return window && nearest(await finder.find(frame, window), region)
  }

  /** All faces that stand upright, the largest first. */
  async function search(frame: Uint8Array, tiles: boolean): Promise<Candidate[]> {
    const found = await finder.find(frame, area)
    const faces = found.length > 0 || !tiles ? found : await finder.findSmall(frame, area)
    for (const [i, face] of faces.entries()) {
      if (!(await finder.isUpsideDown(frame, face))) return faces.slice(i)
    }
    return []
  }

  async function follow(
    frame: Uint8Array,
    index: number,
    { last, likeness }: Person,
    look: LookAt,
    faces: Candidate[] | undefined,
  ) {
    const isThem = (face: FaceDetection) => {
      const { appearance } = sightingOf(face, look)
      const alike = Math.max(
        similarity(last.appearance, appearance),
        similarity(likeness, appearance),
      )
      return alike >= SAME_FACE && isDrawable(face.landmarks)
    }
    const tracked = await follower?.follow(frame, index, last)
    const followed = tracked && isThem(tracked) ? tracked : undefined
    if (followed && !faces && !follower!.isCheckDue(index)) return followed
    const near = nearest(faces ?? [], last.detected) ?? (await findNear(frame, last.detected))
    const found = near && isThem(near) ? near : undefined
    // Both are right then, and landmarks that come from one graph do not jump.
    return followed && found && agree(followed.landmarks, found.landmarks) ? followed : found
  }

  async function gather(
    frame: Uint8Array,
    index: number,
    before: Choice | undefined,
    look: LookAt,
    since: Since,
  ): Promise<Evidence> {
    const target = before?.next ?? before?.person
    const tiles = since.shot < 6 ? since.shot % 5 === 0 : index % tilesEvery === 0
    if (!before || !target) {
      const faces = await search(frame, tiles)
      return { faces, track: 0, newScene: !before }
    }
    const track = before.track + (before.next ? 1 : 0)
    const visible = before.seen !== undefined || before.next !== undefined
    const region = target.last.region
    const whole = since.cuts.every((cut) => !cut.covers(region))
    const rival = before.rival && index - before.rival.since >= times.confirm && !before.next
    const seen = since.look || rival ? await finder.find(frame, area) : undefined
    const followed = visible && whole ? await follow(frame, index, target, look, seen) : undefined
    if (followed) return { followed, faces: seen, newScene: false, track }
    const faces = seen ?? (await finder.find(frame, area))
    const lost = before.lostAt === undefined ? 0 : index - before.lostAt
    if (lost <= frames(NEAR_S) && !nearest(faces, target.last.detected)) {
      const near = await findNear(frame, target.last.detected)
      if (near) faces.push(near)
    }
    const small = centerAndSide(region).side < SMALL * short
    if (faces.length === 0 && tiles && small) faces.push(...(await finder.findSmall(frame, area)))
    return { faces: bySize(faces), newScene: false, track }
  }

  /** One frame: what is found by what was known, and who that is. */
  async function step(
    { frame, view, cut, blank }: ViewedFrame,
    index: number,
    from: Promise<State> | undefined,
    previous: Promise<State> | undefined,
    since: Since,
  ): Promise<State & { hidden: boolean }> {
    const look = appearanceIn(frame, facts)
    if (blank) {
      const { choice, view: seen } = (await previous) ?? START
      const { seen: _, ...rest } = choice
      return { choice: { lostAt: index, ...rest }, view: seen, hidden: true }
    }
    const evidence = await gather(frame, index, (await from)?.choice, look, since)
    const before = (await previous) ?? START
    const elsewhere =
      !before.choice.seen && before.view !== undefined && !isSameScene(before.view, view)
    const otherView = elsewhere && evidence.faces !== undefined
    const known = { ...evidence, otherView, isNew: cut?.covers }
    const choice = wanted
      ? followWanted(before.choice, known, index, look, wanted)
      : choose(before.choice, known, index, look, times)
    const hidden = !choice.seen && !(choice.person && isVisible(choice.person, look))
    return { choice, view: choice.seen ? view : before.view, hidden }
  }

  return {
    async detect(viewed, index): Promise<Tracked> {
      const { cut, blank, view } = viewed
      const empty = dark && shown !== undefined && isSameBackdrop(shown, view) // just the wall
      const begins = !blank && !empty && (dark || cut?.whole === true)
      dark = blank
      if (!blank) shown = view
      if (begins) shot = index
      if (cut) cuts.push({ at: index, cut })
      const from = Math.max(index - lag, shot)
      cuts = cuts.filter(({ at }) => at > index - lag)
      const since: Since = {
        cuts: cuts.filter(({ at }) => at > from).map((each) => each.cut),
        look: due(view, index) || index === wanted?.frame,
        shot: index - shot,
      }
      const state = step(
        viewed,
        index,
        begins ? undefined : states.at(from - index),
        states.at(-1),
        since,
      )
      state.catch(() => {}) // whoever awaits it gets the error; it may be nobody
      states.push(state)
      if (states.length > lag) void states.shift()
      const { choice, hidden } = await state
      return {
        seen: choice.seen && { ...choice.seen, track: choice.track, since: choice.since },
        hidden,
      }
    },
  }
}

const START: State = { choice: NOBODY, view: undefined }

/** Whether a person's last place still looks like them: then it was the detector that missed them. */
function isVisible({ last }: Person, look: LookAt): boolean {
  const { side } = centerAndSide(last.region)
  return OFFSETS.some((dx) =>
    OFFSETS.some((dy) => {
      const shifted = last.region.map((edge, k) => edge + side * (k % 2 === 0 ? dx : dy))
      return similarity(last.appearance, look(shifted as unknown as Region)) >= SAME_FACE
    }),
  )
}

const OFFSETS = [0, -0.15, 0.15] // of the face's size

/** The face that continues a track: close, and of similar size. */
function nearest(found: Candidate[], last: Region): Candidate | undefined {
  const { x, y, side } = centerAndSide(last)
  const distance = (face: Candidate) => {
    const now = centerAndSide(face.detected)
    const size = Math.max(now.side / side, side / now.side)
    return Math.hypot(now.x - x, now.y - y) / side + (size - 1)
  }
  const near = found.filter((face) => distance(face) < 1)
  return near.toSorted((a, b) => distance(a) - distance(b))[0]
}

/**
 * In which frames all faces are looked at; told of every frame, in order. After a multiple of `most` it
 * does not matter what was before, so that whoever begins in the middle of a source looks at the same.
 */
function lookSchedule(most: number, least: number): (view: Thumbnail, index: number) => boolean {
  let last = 0
  let seen: Thumbnail | undefined
  return (view, index) => {
    seen ??= view
    const hasChanged = () => index - last >= least && changeOf(seen!, view) >= CHANGED
    if (index % most !== 0 && !hasChanged()) return false
    last = index
    seen = view
    return true
  }
}
