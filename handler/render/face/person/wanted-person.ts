import { InputError } from '../../../errors.ts'
import type { RenderContext } from '../../render-context.ts'
import { decode, type VideoInput } from '../../media/decode-video.ts'
import { appearanceIn } from './face-appearance.ts'
import { firstShowing } from '../face-choice.ts'
import { squareAround } from '../face-box.ts'
import { bySize, faceFinder, type Candidate } from '../face-finder.ts'
import { sightingOf, type Sighting } from './sighting.ts'

/** Somebody that a job points at, or who speaks in the source. */
export interface WantedPerson {
  /** Where they were pointed at, or seen: a frame at the rate of the result. */
  frame: number
  seen: Sighting
  /** How sure it is that they speak, 0..1; absent where the job pointed. */
  sureness?: number
}

const REACH = 1.25 // times a face's size: hair and chin count as the face

/**
 * Whoever is at a point of a frame of the source.
 *
 * @param point frame px
 * @param frame counted at the source's own rate
 * @throws InputError INVALID_JOB where the picture, the video or a face does not reach there
 */
export async function findWantedPerson(
  source: VideoInput,
  point: readonly [number, number],
  frame: number,
  ctx: RenderContext,
): Promise<WantedPerson> {
  const { facts } = source
  const { width, height, scale } = facts
  const inSource = (at: number) => Math.round(at / scale)
  const where = point.map(inSource).join(', ')
  if (point[0] >= width || point[1] >= height) {
    const size = [width, height].map(inSource).join('x')
    throw invalidFace('at', `(${where}) is outside of the picture, which has ${size} px`)
  }
  const shown = facts.still ? 0 : frame
  const picture = await frameOf(source, shown, ctx)
  if (!picture) throw invalidFace('frame', `the video has no frame ${frame}`)
  try {
    const faces = await facesIn(picture, source, ctx)
    const face = faces.find((one) => reaches(one, point, facts))
    if (!face) {
      const places = faces.map(({ detected }) => `[${detected.map(inSource).join(', ')}]`)
      const found = places.length > 0 ? `faces are at ${places.join(', ')}` : 'there is none in it'
      throw invalidFace('at', `no face is at (${where}) in frame ${frame}; ${found}`)
    }
    const seen = sightingOf(face, appearanceIn(picture, facts))
    return { frame: firstShowing(frame, facts), seen }
  } finally {
    ctx.buffers.give(picture)
  }
}

/** One frame, counted from the file's first whatever part of it is shown; undefined past the end. */
async function frameOf(
  { file, facts }: VideoInput,
  first: number,
  ctx: RenderContext,
): Promise<Uint8Array | undefined> {
  const { trim: _, ...whole } = facts
  const one = { ...whole, rate: facts.ownRate, ...(first > 0 && { trim: { first, count: 1 } }) }
  try {
    for await (const frame of decode({ file, facts: one }, { first: 0, count: 1 }, ctx))
      return frame
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'INVALID_JOB') throw error
  }
  return undefined
}

/** All faces of a picture, also those that are small in it, the largest first. */
export async function facesIn(
  picture: Uint8Array,
  { facts }: Pick<VideoInput, 'facts'>,
  ctx: Pick<RenderContext, 'models' | 'pixels' | 'buffers'>,
): Promise<Candidate[]> {
  const finder = faceFinder(ctx, facts, undefined)
  const whole = [0, 0, facts.width, facts.height] as const
  const large = await finder.find(picture, [...whole])
  const small = await finder.findSmall(picture, [...whole])
  const more = small.filter((face) => !large.some((other) => reaches(other, middleOf(face), facts)))
  return bySize([...large, ...more])
}

const middleOf = ({ detected: [x1, y1, x2, y2] }: Candidate) =>
  [(x1 + x2) / 2, (y1 + y2) / 2] as const

function reaches(
  { detected }: Candidate,
  [x, y]: readonly [number, number],
  facts: VideoInput['facts'],
): boolean {
  const around = squareAround(detected, REACH, facts)
  return around !== undefined && x >= around[0] && y >= around[1] && x < around[2] && y < around[3]
}

const invalidFace = (field: 'at' | 'frame', message: string) =>
  new InputError('INVALID_JOB', `face.${field}: ${message}`)
