import type { ColorTags, ReadOptions, StreamInfo, VideoInfo } from './media-info.ts'

/** Size as shown: rotated, square pixels (the longer way, nothing is thrown away), even. */
export function displaySize(
  stream: StreamInfo,
  exif: string | undefined,
  { allowOddSize, referenceMode }: ReadOptions,
) {
  const quarterTurns = Math.round((stream.rotation ?? 0) / 90) & 3
  const turned = exif ? exif.includes('transpose') : (quarterTurns & 1) === 1
  const stored = referenceMode ? 1 : (stream.aspect ?? 1)
  const aspect = turned ? 1 / stored : stored
  const across = turned ? stream.height! : stream.width!
  const down = turned ? stream.width! : stream.height!
  const square = Math.abs(aspect - 1) < 0.005
  const width = square || aspect < 1 ? across : Math.round(across * aspect)
  const height = square || aspect > 1 ? down : Math.round(down / aspect)
  return allowOddSize
    ? { width, height, square }
    : { width: width & ~1, height: height & ~1, square }
}

const RGB_LIKE = /^(rgb|bgr|gbr|argb|abgr|0rgb|0bgr|x2rgb|pal8|gray|mono|ya)/
const WITH_ALPHA = /^(argb|abgr|rgba|bgra|yuva|gbrap|ya|pal8)/
const FLATTEN_ALPHA = ['format=gbrap', 'premultiply=inplace=1', 'format=gbrp']

/** The filters that make an upright 8-bit frame, and the tags that its samples then have. */
export function conversionFilters(
  stream: StreamInfo,
  size: { width: number; height: number; square: boolean },
  exif: string | undefined,
  { samples, allowOddSize, referenceMode }: ReadOptions,
): Pick<VideoInfo, 'geometry' | 'pixelFormat' | 'color'> {
  const source = stream.pixelFormat ?? 'yuv420p'
  const { pixelFormat, scaling, color } =
    samples === 'rgb' ? toRgb : RGB_LIKE.test(source) ? rgbToYuv : yuvToYuv(stream, source)
  const filters = [
    ...(exif ? [exif] : []),
    ...(stream.interlaced && !referenceMode ? ['yadif=deint=interlaced'] : []),
    ...(WITH_ALPHA.test(source) && !referenceMode ? FLATTEN_ALPHA : []),
    // One column or row of an odd size is cut: no sample is invented, none moves.
    ...(size.square && !allowOddSize ? ['crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0'] : []),
    // Passes frames through untouched unless something differs, also when the size changes midway.
    `scale=${size.width}:${size.height}:${scaling}`,
    'setsar=1',
    `format=${pixelFormat}`,
  ]
  return { geometry: filters.join(','), pixelFormat, color }
}

interface Conversion {
  pixelFormat: VideoInfo['pixelFormat']
  scaling: string
  color: ColorTags
}

/** As the reference reads its frames: with ffmpeg's defaults, untagged. */
const toRgb: Conversion = { pixelFormat: 'rgb24', scaling: 'flags=bicubic', color: {} }

const SCALE_FLAGS = 'flags=bicubic+accurate_rnd'

const rgbToYuv: Conversion = {
  pixelFormat: 'yuv420p',
  scaling: `${SCALE_FLAGS}:out_color_matrix=bt709:out_range=tv`,
  color: { matrix: 'bt709', range: 'tv', primaries: 'bt709', transfer: 'bt709' },
}

/** Samples keep their coding, so their tags stay true. */
function yuvToYuv({ color }: StreamInfo, source: string): Conversion {
  const full = color?.range === 'pc' || source.startsWith('yuvj')
  return full
    ? {
        pixelFormat: 'yuvj420p',
        scaling: `${SCALE_FLAGS}:in_range=full:out_range=full`,
        color: { ...color, range: 'pc' },
      }
    : { pixelFormat: 'yuv420p', scaling: SCALE_FLAGS, color: { ...color } }
}
