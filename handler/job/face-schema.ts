import * as v from 'valibot'

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

/** Whose mouth is drawn. */
export const Face = v.pipe(
  v.union(
    [
      v.literal('largest'),
      v.strictObject({ box: Box }),
      v.strictObject({
        at: v.strictTuple([position, position]),
        frame: v.optional(FrameNumber),
      }),
      v.strictObject({
        boxes: v.pipe(v.array(v.nullable(Box)), v.minLength(1), v.maxLength(MAX_BOXES)),
      }),
    ],
    'must be "largest", { box: [x1, y1, x2, y2] }, { at: [x, y], frame } or { boxes: [[x1, y1, x2, y2] | null, …] }',
  ),
  v.description(
    'Which face speaks: the largest, the one in a box, the person at a point of a frame (0 where unset), or exactly these boxes, one per source frame (null: no face). Source pixels, right and bottom exclusive.',
  ),
)
