import * as v from 'valibot'
import { KBPS_RANGE } from '../../render/encode/encode-rate.ts'
import { OUTPUT_CODECS, OUTPUT_FORMATS } from '../../render/encode/output-formats.ts'
import { Poster, Preview } from './picture-schema.ts'
import { Url } from '../address-schema.ts'

/** What the result is, and where it goes. */
export const Output = v.strictObject({
  url: v.optional(
    v.pipe(Url, v.description('A presigned PUT URL; the worker’s own storage else.')),
  ),
  key: v.optional(
    v.pipe(
      v.string(),
      // A file's name may have 255 characters; those of what is made beside a result are longer. Side-cars
      // are called after a result, with .json behind its name.
      v.regex(
        /^(?!.*[^/]{201})(?!.*\.json$)(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/,
        'must be a path of A-Z a-z 0-9 . _ - whose parts have up to 200 and do not begin with a dot; and not end in .json',
      ),
      v.maxLength(512),
      v.description(
        'Name of the object below the worker’s prefix; <id> and the format’s ending where unset.',
      ),
    ),
  ),
  fit: v.optional(
    v.pipe(
      v.picklist(['source', 'contain', 'cover', 'stretch']),
      v.description(
        'Keep the source’s frame size, or fit it to resolution or aspect_ratio: with bars, cut, or distorted.',
      ),
    ),
  ),
  format: v.optional(
    v.pipe(
      v.picklist(OUTPUT_FORMATS),
      v.description(
        'The file: mp4 (where unset), webm, or mov, which keeps the source’s transparency.',
      ),
    ),
  ),
  codec: v.optional(
    v.pipe(
      v.picklist(OUTPUT_CODECS),
      v.description(
        'h264 (where unset), hevc or av1 in mp4; vp9 (where unset) or av1 in webm; prores (4444) in mov. One that the worker’s ffmpeg cannot encode is refused.',
      ),
    ),
  ),
  crf: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(10),
      v.maxValue(35),
      v.description(
        'Quality on the scale of H.264, whatever the codec; less is better and larger.',
      ),
    ),
    17,
  ),
  bitrate: v.optional(
    v.pipe(
      v.union([
        v.literal('source'),
        v.pipe(v.number(), v.integer(), v.minValue(KBPS_RANGE[0]), v.maxValue(KBPS_RANGE[1])),
      ]),
      v.description(
        'Kilobits a second of the pictures, or as many as the source’s have; instead of crf.',
      ),
    ),
  ),
  lossless: v.optional(v.pipe(v.boolean(), v.description('FFV1 RGB in Matroska.')), false),
  stream: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Fragmented mp4, uploaded while it is rendered and watched at /jobs/{id}/video; for mp4 only.',
      ),
    ),
    false,
  ),
  poster: v.optional(Poster),
  preview: v.optional(Preview),
  provenance: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Whether the file says how it was made: IPTC’s digital source type, tool, bundle and job; as the worker does by itself where unset.',
      ),
    ),
  ),
  disposition: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(256),
      v.regex(/^[\x20-\x7e]*$/, 'must be printable ASCII'),
      v.description('Content-Disposition of the stored object.'),
    ),
  ),
})
