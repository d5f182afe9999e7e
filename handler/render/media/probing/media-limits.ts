/** What inputs may have. */
export interface MediaLimits {
  maxVideoS: number
  maxAudioS: number
  maxPixels: number
}

/** The largest pictures of phones: 64 megapixels. */
const STILL_PIXELS = 9248 * 6936

/**
 * Pixels that a file may have to be opened. More than a frame may have: stills, of which some are in a
 * video's container, are scaled down to that; and the cover of a recording, or the pictures beside its
 * sound, are never looked at.
 */
export const openedPixels = ({ maxPixels }: Pick<MediaLimits, 'maxPixels'>): number =>
  Math.max(maxPixels, STILL_PIXELS)
