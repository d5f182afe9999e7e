import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { handle } from '../../../handler/handle.ts'
import { PAINT } from '../children/painting-engine.child.ts'
import { testDeps } from '../jobs/deps.ts'
import { frameDigests } from '../media/frame-digests.ts'
import { testFfmpeg, type Folder } from '../media/media.ts'
import { fakeModels } from '../models/fake-models.ts'
import { LECTURE_S } from './media.ts'
import type { QueueEnd } from './queue-jobs.ts'
import type { Worker } from './worker.ts'

const FRAMES = 25 * LECTURE_S
/** So that every sample can be compared. */
const OUTPUT = { lossless: true }

/** A job that is drawn in three parts. */
export function longJob(origin: string, i: number) {
  const inputs = {
    video_url: `${origin}/lecturer.mp4?job=${i}`,
    audio_url: `${origin}/lecture.wav?job=${i}`,
  }
  return { data: { ...inputs, output: OUTPUT, split: { seconds: 5 } }, code: undefined }
}

/** Every frame of such a job where nothing fails and all is drawn in one piece. */
export async function undisturbed(dir: Folder): Promise<string[]> {
  const ffmpeg = await testFfmpeg()
  const deps = await testDeps(dir, ffmpeg, fakeModels(PAINT))
  const inputs = { video: dir.file('lecturer.mp4'), audio: dir.file('lecture.wav') }
  const { output_url } = await handle({ id: 'undisturbed', ...inputs, output: OUTPUT }, deps)
  return frameDigests(ffmpeg.path, output_url, 'v', 'a')
}

/**
 * What is wrong with long jobs that have succeeded.
 * @param right every frame as it must be
 */
export async function longProblems(
  ends: ReadonlyMap<string, QueueEnd>,
  workers: readonly Worker[],
  right: readonly string[],
  dir: Folder,
): Promise<string[]> {
  const { path } = await testFfmpeg()
  const logs = workers.map((worker) => readFile(join(worker.dir, 'log.jsonl'), 'utf8'))
  const lines = (await Promise.all(logs)).flatMap((log) => log.split('\n'))
  const wrong: string[] = []
  for (const [id, { state, result }] of ends) {
    if (state !== 'completed') continue // told where ends are looked at
    const isSplit = (line: string) =>
      line.includes('"event":"split"') && line.includes(`"job":"${id}"`)
    if (!lines.some(isSplit)) wrong.push(`${id} was drawn in one piece`)
    if (result?.frames !== FRAMES) wrong.push(`${id} tells of ${result?.frames} frames`)
    const answer = await fetch(String(result?.output_url))
    const file = dir.file(`${id}.mkv`)
    await writeFile(file, Buffer.from(await answer.arrayBuffer()))
    const shown = await frameDigests(path, file, 'v', 'a')
    const pictures = shown.filter((line) => line.startsWith('0,')).length
    if (pictures !== FRAMES) wrong.push(`${id} has ${pictures} frames`)
    const other = right.filter((line, i) => line !== shown[i])
    if (other.length > 0) {
      wrong.push(`${id} differs in ${other.length} of ${right.length}, first in ${other[0]}`)
    }
  }
  return wrong
}
