import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { JobSize } from '../../../handler/estimate.ts'
import type { JobResult } from '../../../handler/events/job-events.ts'
import { writeAtomically } from '../../../models/system/write-atomic.ts'

/** How long jobs took, so that one can be told before it is begun. */
export interface JobSpeeds {
  /** Note a job that has succeeded. */
  add(result: JobResult): void
  /** Seconds that jobs of that size took, without their downloads; undefined where none was done. */
  expect(job: JobSize): number | undefined
  /** Resolves when what was noted is on disk, as far as it can be written. */
  saved(): Promise<void>
}

const KEPT = 32 // of each bundle: machines change their speed with drivers, neighbors and heat

const Sample = v.object({
  bundle: v.string(),
  frames: v.pipe(v.number(), v.minValue(1)),
  pixels: v.pipe(v.number(), v.minValue(1)),
  seconds: v.pipe(v.number(), v.minValue(0)),
})
type Sample = v.InferOutput<typeof Sample>
const Samples = v.array(Sample)

/**
 * The speeds of this machine, kept in a folder: also those of a program that renders one job and ends.
 * Where several write there, the last one's stay.
 *
 * @param device that renders; another one has another speed
 */
export async function openJobSpeeds(folder: string, device: string): Promise<JobSpeeds> {
  const file = join(folder, `job-speeds-${device}.json`)
  const found: unknown = await readFile(file, 'utf8')
    .then(JSON.parse)
    .catch(() => [])
  const known = v.safeParse(Samples, found)
  let samples: Sample[] = known.success ? known.output : []
  let saved: Promise<void> = Promise.resolve()
  return {
    add({ deduplicated, frames, width, height, total_time, stage_times, bundle }) {
      if (deduplicated) return
      const seconds = total_time - stage_times.download
      const sample = { bundle: bundle.id, frames, pixels: width * height, seconds }
      const others = samples.filter((one) => one.bundle !== bundle.id)
      const same = samples.filter((one) => one.bundle === bundle.id).slice(1 - KEPT)
      samples = [...others, ...same, sample].slice(-8 * KEPT)
      const text = JSON.stringify(samples)
      saved = saved.then(() => writeAtomically(file, text)).catch(() => {}) // it is measured again
    },
    expect: ({ bundle: { id }, frames, width, height }) =>
      expectedSeconds(
        samples.filter(({ bundle }) => bundle === id),
        frames,
        width * height,
      ),
    saved: () => saved,
  }
}

/**
 * Seconds per frame of the jobs that were done, of which those of about that length and size count most
 * and later ones more: what a job costs beside its frames weighs in short ones, and pixels in all.
 */
function expectedSeconds(
  done: readonly Sample[],
  frames: number,
  pixels: number,
): number | undefined {
  let [weights, sum] = [0, 0]
  for (const [age, one] of done.toReversed().entries()) {
    const apart = Math.log(one.frames / frames) ** 2 + Math.log(one.pixels / pixels) ** 2
    const weight = AGING ** age / (FLOOR + apart)
    weights += weight
    sum += (weight * one.seconds) / one.frames
  }
  return weights === 0 ? undefined : (frames * sum) / weights
}

const AGING = 0.9 // of a job's weight with each later one
const FLOOR = 0.05 // jobs of nearly the same size count nearly alike
