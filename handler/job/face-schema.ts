import * as v from 'valibot'
import { mediaInput } from './address-schema.ts'

const coordinate = v.pipe(v.number(), v.finite())
const Box = v.pipe(
  v.strictTuple([coordinate, coordinate, coordinate, coordinate]),
  v.check(
    ([x1, y1, x2, y2]) => x2 > x1 && y2 > y1,
    'must be [x1, y1, x2, y2] with x2 > x1, y2 > y1',
  ),
)

const position = v.pipe(v.number(), v.finite(), v.minValue(0))
const MAX_BOXES = 216_000 // half an hour at 120 frames per second
const FrameNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_BOXES))

/** The ways to name one of several faces. */
export const faceNames = {
  box: v.optional(Box),
  at: v.optional(v.strictTuple([position, position])),
  frame: v.optional(FrameNumber),
}

/** One per source frame; null where there is no face. */
export const Boxes = v.pipe(v.array(v.nullable(Box)), v.minLength(1), v.maxLength(MAX_BOXES))

/** Whose mouth is drawn. */
export const Face = v.pipe(
  v.union(
    [
      v.picklist(['largest', 'speaking']),
      v.strictObject({ box: Box }),
      v.strictObject({
        at: v.strictTuple([position, position]),
        frame: v.optional(FrameNumber),
      }),
      v.strictObject({ boxes: Boxes }),
      v.strictObject({ boxes_url: mediaInput('A JSON list of such boxes.') }),
    ],
    'must be "largest", "speaking", { box: [x1, y1, x2, y2] }, { at: [x, y], frame }, { boxes_url } or { boxes: [[x1, y1, x2, y2] | null, …] }',
  ),
  v.description(
    "Which face speaks: the largest, of several the one whose lips move with the source's own sound, the one in a box, the person at a point of a frame (0 where unset), or exactly these boxes, one per source frame (null: no face), which may lie in a JSON file. Source pixels, right and bottom exclusive.",
  ),
)

export type JobFace = v.InferOutput<typeof Face>
