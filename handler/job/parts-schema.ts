import * as v from 'valibot'

const MAX_S = 86_400 // a day; what a file really holds is found later
const seconds = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(MAX_S))

/** Seconds from..to of something, the end not included; without an end, to its end. */
const Span = v.pipe(
  v.strictObject({ from: v.optional(seconds, 0), to: v.optional(seconds) }),
  v.check(({ from, to }) => to === undefined || to > from, 'must end after it begins'),
)

/** The part of the source that makes the result. */
export const Trim = v.pipe(
  Span,
  v.description(
    'Seconds of the video that make the result, each to the nearest frame; what lies past its end is not there. Boxes still count the frames of the whole video.',
  ),
)

/** The part of the recording that is spoken. */
export const Speech = v.pipe(
  Span,
  v.description('Seconds of the recording that are spoken, to the sample.'),
)
