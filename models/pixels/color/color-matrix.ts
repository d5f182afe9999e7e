/** How an 8-bit YUV frame codes color; names as ffprobe gives them. */
export interface Color {
  readonly matrix: 'bt601' | 'bt709' | 'bt2020nc'
  readonly range: 'limited' | 'full'
  /**
   * Where a chroma sample lies within its 2x2 luma samples: on the left column (MPEG-2, H.264's
   * default) or in the center (MPEG-1, JPEG); always midway between the two rows.
   */
  readonly siting?: 'left' | 'center'
}

// luma shares of red and blue (ITU-R BT.601, BT.709, BT.2020 non-constant luminance)
const LUMA = {
  bt601: [0.299, 0.114],
  bt709: [0.2126, 0.0722],
  bt2020nc: [0.2627, 0.0593],
} as const

/** Fractional bits of the factors towards RGB; with them all that is computed has 16 bits. */
export const LUMA_BITS = 14
export const CHROMA_BITS = 13
/** Fractional bits of the coefficients towards YUV. */
export const TO_YUV_BITS = 22

/**
 * Fixed-point coefficients of one color coding.
 *
 * Towards RGB: R = luma * (Y - black) + redV * (V - 128), where V is interpolated; green and blue alike.
 * Each product is rounded to 6 fractional bits, so that R is off by less than .06 before it is rounded.
 * Towards YUV (22 fractional bits): the change
 * of Y, U, V for a change of R, G, B of one level under a mask of 1 of 255. Each chroma row sums to
 * zero, so a gray change leaves chroma alone.
 */
export interface Coefficients {
  readonly black: number
  readonly luma: number
  readonly redV: number
  readonly greenU: number
  readonly greenV: number
  readonly blueU: number
  readonly y: readonly [number, number, number]
  readonly u: readonly [number, number, number]
  readonly v: readonly [number, number, number]
  readonly centered: boolean
}

/** Derive the coefficients of a color coding; do it once per clip. */
export function coefficients({ matrix, range, siting = 'left' }: Color): Coefficients {
  const [kr, kb] = LUMA[matrix]
  const kg = 1 - kr - kb
  // levels from black to white, and from one end of a chroma axis to the other
  const [black, lumaSpan, chromaSpan] = range === 'full' ? [0, 255, 255] : [16, 219, 224]
  const luma = 255 / lumaSpan
  const chroma = 255 / chromaSpan
  const toRgb = (value: number) => Math.round(value * chroma * 2 ** CHROMA_BITS)
  const toYuv = (value: number) => Math.round((value / 255) * 2 ** TO_YUV_BITS)
  const u1 = toYuv(-kr / (2 * (1 - kb)) / chroma)
  const u2 = toYuv(-kg / (2 * (1 - kb)) / chroma)
  const v2 = toYuv(-kg / (2 * (1 - kr)) / chroma)
  const v3 = toYuv(-kb / (2 * (1 - kr)) / chroma)
  return {
    black,
    luma: Math.round(luma * 2 ** LUMA_BITS),
    redV: toRgb(2 * (1 - kr)),
    greenU: toRgb((-2 * kb * (1 - kb)) / kg),
    greenV: toRgb((-2 * kr * (1 - kr)) / kg),
    blueU: toRgb(2 * (1 - kb)),
    y: [toYuv(kr / luma), toYuv(kg / luma), toYuv(kb / luma)],
    u: [u1, u2, -u1 - u2],
    v: [-v2 - v3, v2, v3],
    centered: siting === 'center',
  }
}
