import type { ColorTags, ReadOptions, StreamInfo, VideoInfo } from './media-info.ts'

interface Size {
  width: number
  height: number
}

/** How a stored picture becomes one that is shown. */
export interface Display extends Size {
  /** Size of the picture as it is decoded; smaller than the file's where that is too large. */
  stored: Size
  /** The filter that turns it upright. */
  upright: string | undefined
  square: boolean
}

/** Size as shown: upright, square pixels (the longer way, nothing is thrown away), even. */
export function displayOf(
  stream: StreamInfo,
  exif: string | undefined,
  { allowOddSize, referenceMode }: ReadOptions,
  maxPixels = Infinity,
): Display {
  const upright = exif ?? uprightFilter(stream)
  const turned = upright?.includes('transpose') ?? false
  const shape = referenceMode ? 1 : (stream.aspect ?? 1)
  const stored = fitPixels(stream as Size, maxPixels / Math.max(shape, 1 / shape))
  const aspect = turned ? 1 / shape : shape
  const [across, down] = turned ? [stored.height, stored.width] : [stored.width, stored.height]
  const square = Math.abs(aspect - 1) < 0.005
  const width = square || aspect < 1 ? across : Math.round(across * aspect)
  const height = square || aspect > 1 ? down : Math.round(down / aspect)
  const even = (side: number) => (allowOddSize ? side : side & ~1)
  return { stored, upright, square, width: even(width), height: even(height) }
}

/** The largest even size of that shape that has no more pixels; the size itself where it has not. */
function fitPixels({ width, height }: Size, maxPixels: number): Size {
  const factor = Math.sqrt(maxPixels / (width * height))
  if (factor >= 1) return { width, height }
  const fitted = (side: number) => Math.max(2, Math.floor((side * factor) / 2) * 2)
  return { width: fitted(width), height: fitted(height) }
}

/**
 * What a display matrix asks for: quarter turns, and mirroring. It is done here and not by ffmpeg, which
 * would do it before the first of these filters, to pictures of whatever size.
 */
function uprightFilter({ rotation = 0, mirrored = false }: StreamInfo): string | undefined {
  const turns = Math.round(rotation / 90) & 3
  const filters = mirrored
    ? ['vflip', 'transpose=0', 'hflip', 'transpose=3']
    : [undefined, 'transpose=1', 'hflip,vflip', 'transpose=2']
  return filters[turns]
}

const RGB_LIKE = /^(rgb|bgr|gbr|argb|abgr|0rgb|0bgr|x2rgb|pal8|gray|mono|ya)/
/** Of what ffmpeg calls the samples of a picture. */
export const hasAlpha = ({ pixelFormat }: StreamInfo): boolean => WITH_ALPHA.test(pixelFormat ?? '')

const WITH_ALPHA = /^(argb|abgr|rgba|bgra|yuva|gbrap|ya|pal8)/
const FLATTEN_ALPHA = ['format=gbrap', 'premultiply=inplace=1', 'format=gbrp']

/**
 * The filters that make an upright 8-bit frame, and the tags that its samples then have. Pictures that
 * change their size or shape midway are fitted into the first one's: what lies between the first and the
 * last of these filters sees one size only, and the last one keeps their shape and adds bars.
 */
export function conversionFilters(
  stream: StreamInfo,
  display: Display,
  still: boolean,
  { samples, keepAlpha, allowOddSize, referenceMode }: ReadOptions,
): Pick<VideoInfo, 'geometry' | 'pixelFormat' | 'color'> {
  const source = stream.pixelFormat ?? 'yuv420p'
  const { stored, upright, square } = display
  const { scaling, color, ...plain } =
    samples === 'rgb' ? toRgb : RGB_LIKE.test(source) ? rgbToYuv : yuvToYuv(stream, source)
  const pixelFormat = keepAlpha ? 'yuva420p' : plain.pixelFormat
  const whole = still && stored.width === stream.width && stored.height === stream.height
  const filters = [
    ...(whole ? [] : steadyStored(stream, stored)),
    ...(stream.interlaced && !referenceMode ? ['yadif=deint=interlaced'] : []),
    ...(upright ? [upright] : []),
    ...(WITH_ALPHA.test(source) && !referenceMode && !keepAlpha ? FLATTEN_ALPHA : []),
    // One column or row of an odd size is cut: no sample is invented, none moves.
    ...(square && !allowOddSize ? ['crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0'] : []),
    still || referenceMode ? scaleTo(display, scaling) : fitInto(display, scaling),
    `format=${pixelFormat}`,
    ...(still || referenceMode ? [] : [padTo(display)]),
    'setsar=1',
  ]
  return { geometry: filters.join(','), pixelFormat, color }
}

/** All pictures in one size, whose pixels get another shape where they had another size. */
const steadyStored = ({ aspect }: StreamInfo, { width, height }: Size) => [
  ...(aspect === undefined ? ['setsar=1'] : []), // an unknown shape could not tell the difference
  `scale=${width}:${height}:${SCALE_FLAGS}:interl=-1`,
]

/** Passes frames through untouched unless something differs. */
const scaleTo = ({ width, height }: Size, scaling: string) => `scale=${width}:${height}:${scaling}`

/** A shape that differs by less is the same one, rounded to whole pixels. */
const SAME_SHAPE = 0.03

function fitInto({ width, height }: Size, scaling: string): string {
  const shape = width / height
  const wider = `gt(dar,${shape * (1 + SAME_SHAPE)})`
  const taller = `lt(dar,${shape / (1 + SAME_SHAPE)})`
  const across = `if(${taller},max(2,2*round(${height}*dar/2)),${width})`
  const down = `if(${wider},max(2,2*round(${width}/dar/2)),${height})`
  return `scale=w='${across}':h='${down}':eval=frame:${scaling}`
}

const padTo = ({ width, height }: Size) => `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:eval=frame`

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
