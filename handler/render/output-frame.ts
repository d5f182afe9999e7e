import type { ValidationIssue } from '../errors.ts'

/** The source's own frame size, or a size or shape that the source is fitted to. */
export type OutputFrame =
  | { fit: 'source' }
  | { fit: 'contain' | 'cover' | 'stretch'; width: number; height: number }
  | { fit: 'contain' | 'cover' | 'stretch'; ratio: number }

/** Whether `aspect_ratio` and `resolution` count for a job that has no `output.fit`. */
export type ResizePolicy = 'source' | 'requested'

const SIDE_RANGE = [16, 8192] as const // what H.264 encoders take
const RATIO_RANGE = [0.1, 10] as const

/**
 * What the legacy worker's two fields ask for. Its orchestrators send them with every job whatever the
 * caller wanted, so they count only where the job or the operator says so; a resolution says more
 * than an aspect ratio.
 */
export function resolveOutputFrame(
  fit: 'source' | 'contain' | 'cover' | 'stretch' | undefined,
  wanted: { aspect_ratio: string | undefined; resolution: string | undefined },
  fitOutput: ResizePolicy,
): OutputFrame | ValidationIssue[] {
  const mode = fit ?? (fitOutput === 'requested' ? 'contain' : 'source')
  if (mode === 'source') return { fit: 'source' }
  const { aspect_ratio, resolution } = wanted
  if (resolution !== undefined) {
    const [, width = 0, height = 0] = (/^(\d{1,5})x(\d{1,5})$/.exec(resolution) ?? []).map(Number)
    const fits = [width, height].every((side) => side >= SIDE_RANGE[0] && side <= SIDE_RANGE[1])
    const message = `must be WIDTHxHEIGHT in pixels, each ${SIDE_RANGE.join(' to ')}`
    if (!fits) return [{ path: ['resolution'], message }]
    return { fit: mode, width: width - (width % 2), height: height - (height % 2) }
  }
  if (aspect_ratio !== undefined) {
    const [, across = 0, down = 0] = (
      /^(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)$/.exec(aspect_ratio) ?? []
    ).map(Number)
    const ratio = across / down
    const fits = ratio >= RATIO_RANGE[0] && ratio <= RATIO_RANGE[1]
    const message = `must be WIDTH:HEIGHT, from 1:10 to 10:1`
    return fits ? { fit: mode, ratio } : [{ path: ['aspect_ratio'], message }]
  }
  // FIT_OUTPUT stands for all jobs, and one that asks for nothing keeps its size.
  if (fit === undefined) return { fit: 'source' }
  const message = 'needs a resolution or an aspect_ratio to fit to'
  return [{ path: ['output', 'fit'], message }]
}
