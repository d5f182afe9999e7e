import { InputError } from '../../errors.ts'
import type { OutputFrame } from '../output-frame.ts'

interface Size {
  width: number
  height: number
}

/** Size of the result's pictures: even, as every 4:2:0 picture must be. */
export function outputSize(source: Size, frame: OutputFrame): Size {
  if (frame.fit === 'source') return { width: source.width, height: source.height }
  if ('width' in frame) return { width: frame.width, height: frame.height }
  return sizeForRatio(source, frame.ratio, frame.fit)
}

/** What H.264 and its encoders take. */
const MAX_SIDE = 16_384

/**
 * @throws InputError MEDIA_TOO_LARGE where the result would have more pixels than an input may have, or a
 *   longer side than video can have
 */
export function assertOutputSize(source: Size, frame: OutputFrame, maxPixels: number): void {
  const { width, height } = outputSize(source, frame)
  if (Math.max(width, height) > MAX_SIDE) {
    const message = `the result would be ${width}x${height} px; a side may have ${MAX_SIDE}`
    throw new InputError('MEDIA_TOO_LARGE', message)
  }
  if (width * height <= maxPixels || frame.fit === 'source') return
  const message = `the result would be ${width}x${height} px; the limit is ${maxPixels} pixels`
  throw new InputError('MEDIA_TOO_LARGE', message)
}

/** The source's size made to have another shape: `contain` grows a side, the others shrink one. */
function sizeForRatio(
  { width, height }: Size,
  ratio: number,
  fit: 'contain' | 'cover' | 'stretch',
) {
  const even = (value: number) => Math.max(16, Math.round(value / 2) * 2)
  const wider = ratio > width / height
  const keepHeight = fit === 'contain' ? wider : !wider
  return keepHeight
    ? { width: even(height * ratio), height }
    : { width, height: even(width / ratio) }
}

/** The filter that brings finished frames to that size; empty where they have it. */
export function resizeFilter(
  source: Size & { pixelFormat?: string },
  frame: OutputFrame,
): string[] {
  const { width, height } = outputSize(source, frame)
  if (frame.fit === 'source' || (width === source.width && height === source.height)) return []
  const scale = `scale=${width}:${height}:flags=lanczos+accurate_rnd`
  switch (frame.fit) {
    case 'stretch':
      return [scale, 'setsar=1']
    case 'contain': {
      const inside = `${scale}:force_original_aspect_ratio=decrease:force_divisible_by=2`
      const bars = source.pixelFormat === 'yuva420p' ? ':color=black@0' : ''
      return [inside, `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2${bars}`, 'setsar=1']
    }
    case 'cover': {
      const around = `${scale}:force_original_aspect_ratio=increase:force_divisible_by=2`
      return [around, `crop=${width}:${height}`, 'setsar=1']
    }
  }
}
