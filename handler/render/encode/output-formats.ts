/** Containers that a job may ask for, and the codecs of each, what is taken unasked first. */
export const CODECS_OF = {
  mp4: ['h264', 'hevc', 'av1'],
  webm: ['vp9', 'av1'],
  mov: ['prores'],
} as const
export type OutputFormat = keyof typeof CODECS_OF
export type OutputCodec = (typeof CODECS_OF)[OutputFormat][number]

export const OUTPUT_FORMATS = Object.keys(CODECS_OF) as OutputFormat[]
export const OUTPUT_CODECS = [...new Set(Object.values(CODECS_OF).flat())]

/** What a job says of its result's file. */
export interface WantedFormat {
  format?: OutputFormat | undefined
  codec?: OutputCodec | undefined
  lossless?: boolean | undefined
}

/** How the result's name ends, without the dot. */
export const extensionOf = ({ format, lossless }: WantedFormat): OutputFormat | 'mkv' =>
  lossless ? 'mkv' : (format ?? 'mp4')

export const codecOf = ({ format = 'mp4', codec }: WantedFormat): OutputCodec =>
  codec ?? CODECS_OF[format][0]

/** By the ends of names. */
export const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.mov': 'video/quicktime',
  '.mkv': 'video/x-matroska',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
}
