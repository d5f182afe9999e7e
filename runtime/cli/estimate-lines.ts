import type { Estimate } from '../../handler/estimate.ts'
import { JobError } from '../../handler/errors.ts'

/** What a job would give, for people. */
export function estimateLines(estimate: Estimate | JobError): string {
  if (estimate instanceof JobError) return `${estimate.code}: ${estimate.message}\n`
  if ('refused' in estimate) {
    return `refused: ${estimate.refused.code}: ${estimate.refused.message}\n`
  }
  const { frames, duration_sec, width, height, fps, faces, expected_sec } = estimate
  const rate = Math.round(fps * 1000) / 1000
  const seen = faces.map(
    ({ frame, box, confidence }) =>
      `         [${box.join(', ')}] in frame ${frame}, confidence ${confidence}\n`,
  )
  const time =
    expected_sec === null
      ? 'unknown until a job was done here'
      : `${expected_sec} s, as jobs like it took here`
  return [
    `result   ${frames} frames, ${duration_sec.toFixed(2)} s, ${width}x${height} at ${rate} fps\n`,
    `faces    ${faces.length === 0 ? 'none' : faces.length} in the first second\n`,
    ...seen,
    `takes    ${time}\n`,
  ].join('')
}
