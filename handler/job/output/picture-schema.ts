import * as v from 'valibot'
import { PREVIEW_FORMATS, type WantedPictures } from '../../render/encode/pictures.ts'
import { Url } from '../address-schema.ts'

const OwnUrl = v.optional(
  v.pipe(Url, v.description('A presigned PUT URL of its own, needed beside output.url.')),
)

/** A picture of the result. */
export const Poster = v.pipe(
  v.union([
    v.boolean(),
    v.strictObject({
      at: v.optional(
        v.pipe(
          v.number(),
          v.minValue(0),
          v.maxValue(1e6),
          v.description('Which second of the result it shows.'),
        ),
        0,
      ),
      url: OwnUrl,
    }),
  ]),
  v.description('A JPEG of the result beside it: its first frame where true.'),
)

/** A short animation of the result. */
export const Preview = v.pipe(
  v.union([
    v.boolean(),
    v.strictObject({
      format: v.optional(v.picklist(PREVIEW_FORMATS), 'webp'),
      frames: v.optional(
        v.pipe(
          v.number(),
          v.integer(),
          v.minValue(2),
          v.maxValue(24),
          v.description('Evenly spread over the result, shown four a second.'),
        ),
        8,
      ),
      width: v.optional(
        v.pipe(v.number(), v.integer(), v.minValue(64), v.maxValue(640), v.description('px')),
        320,
      ),
      url: OwnUrl,
    }),
  ]),
  v.description('An animated webp or gif of the result beside it: 8 frames of 320 px where true.'),
)

interface Said {
  poster?: v.InferOutput<typeof Poster> | undefined
  preview?: v.InferOutput<typeof Preview> | undefined
}

/** Pictures as a job wants them, and where they go where they have a place of their own. */
export interface JobPictures {
  poster?: NonNullable<WantedPictures['poster']> & { url?: string | undefined }
  preview?: NonNullable<WantedPictures['preview']> & { url?: string | undefined }
}

export function picturesOf({ poster, preview }: Said): JobPictures {
  return {
    ...(poster && { poster: poster === true ? { at: 0 } : poster }),
    ...(preview && {
      preview: preview === true ? { format: 'webp', frames: 8, width: 320 } : preview,
    }),
  }
}
