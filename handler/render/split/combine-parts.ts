import type { Box } from '../../../models/pixels/image.ts'
import { WorkerError } from '../../errors.ts'
import { namesFaces, noFaceError } from '../avatar/scan-result.ts'
import type { RenderReport, RenderTask } from '../render-task.ts'
import type { PartFindings } from './split-step.ts'

/** On its way from another process what is undefined becomes null. */
type NoBox = null | undefined

/** Of a face's size: below what anybody sees as a step. */
const AGREEMENT = 0.02

/**
 * Whether part `i` goes on where the one before it ends: both have seen the same pictures, and the faces in
 * the same places. The first part begins where the source does; so where all joints fit, all are right.
 */
export function fitsBefore(reports: readonly RenderReport[], i: number): boolean {
  const [before, here] = [partOf(reports[i - 1]!).next, partOf(reports[i]!).first]
  if (!before) throw new WorkerError('BUG', 'a part of the result tells of no joint')
  return (
    before.pictures === here.pictures &&
    before.boxes.every((box, face) => isNear(box, here.boxes[face]))
  )
}

function isNear(one: NoBox | Box, other: NoBox | Box): boolean {
  if (!one || !other) return !one && !other
  const most = 1 + AGREEMENT * Math.max(one[2] - one[0], one[3] - one[1])
  return one.every((edge, i) => Math.abs(edge - other[i]!) <= most)
}

/**
 * What the whole report says of the source, from those of the parts.
 *
 * @throws InputError NO_FACE where a face was found in no part, which no single part can know
 */
export function combineReports(
  task: RenderTask,
  reports: readonly RenderReport[],
): Pick<RenderReport, 'frames_without_face' | 'face' | 'peak_memory_mb'> {
  const perFace = partOf(reports[0]!).faces.map((_, face) => countFace(reports, face))
  const named = [...new Set(task.voices.map(({ face }) => JSON.stringify(face)))]
  for (const [i, { shown, withoutFace }] of perFace.entries()) {
    const isNamed = namesFaces(JSON.parse(named[i]!) as RenderTask['voices'][number]['face'])
    if (!isNamed && withoutFace === shown)
      throw noFaceError(shown, { num: reports[0]!.fps, den: 1 })
  }
  const taken = reports.flatMap(({ face }) => face ?? [])
  const [face] = taken.toSorted((a, b) => a.frame - b.frame)
  return {
    frames_without_face: perFace[0]!.withoutFace,
    ...(face && { face }),
    peak_memory_mb: Math.max(...reports.map(({ peak_memory_mb }) => peak_memory_mb)),
  }
}

/** Of one face, the source frames that were shown, and those among them without it; no frame twice. */
function countFace(reports: readonly RenderReport[], face: number) {
  const findings = reports.map((report) => partOf(report).faces[face]!)
  const whole = findings.find(({ firstShown }) => firstShown === undefined)
  if (whole) return { shown: Infinity, withoutFace: whole.withoutFace } // it has looked for itself
  const sum = (counts: number[]) => counts.reduce((all, count) => all + count, 0)
  return {
    shown: sum(findings.map(({ firstShown }) => firstShown!)),
    withoutFace: sum(findings.map(({ withoutFace }) => withoutFace)),
  }
}

function partOf({ split }: RenderReport): PartFindings {
  if (!split?.part) throw new WorkerError('BUG', 'a part of the result tells nothing')
  return split.part
}

/** Seconds per stage, of all steps together. */
export function sumStages(reports: readonly RenderReport[]): RenderReport['stage_times'] {
  const times = { ...reports[0]!.stage_times }
  for (const { stage_times } of reports.slice(1)) {
    for (const [stage, seconds] of Object.entries(stage_times)) {
      const name = stage as keyof typeof times
      times[name] = Math.round((times[name] + seconds) * 1000) / 1000
    }
  }
  return times
}
