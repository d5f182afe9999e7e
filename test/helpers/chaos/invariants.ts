import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ALWAYS, endings, silences } from '../orchestrator/invariants.ts'
import type { Orchestrator } from '../orchestrator/server.ts'
import type { StrictS3 } from '../storage/strict-s3.ts'
import type { Worker } from './worker.ts'

export interface Remains {
  orchestrator: Orchestrator
  workers: readonly Worker[]
  s3: StrictS3
  /** How each job must end: an error code, or undefined for a success. */
  expected: ReadonlyMap<string, string | undefined>
}

/** All that may not be after everybody has ended, one sentence each. */
export async function violations(remains: Remains): Promise<string[]> {
  const { orchestrator, workers, s3 } = remains
  const record = orchestrator.record()
  const checks = { ...ALWAYS, endings, silences: silences(workers.flatMap(({ lives }) => lives)) }
  const found = Object.entries(checks).flatMap(([name, check]) =>
    check(record).map((sentence) => `${name}: ${sentence}`),
  )
  const uploads = unfinishedUploads(s3)
  const crashes = workers.flatMap((each) => each.crashes)
  const left = await Promise.all(workers.map(leftBy))
  const believed = await Promise.all(workers.map(believedGateways))
  return [
    ...found,
    ...believed.flat(),
    ...crashes,
    ...uploads,
    ...left.flat(),
    ...(await wrongEnds(remains)),
  ]
}

/** One without parts costs nothing, and nobody knows of it where the answer to its begin was lost. */
export const unfinishedUploads = (s3: StrictS3): string[] =>
  [...s3.uploads.values()]
    .filter(({ parts }) => parts.size > 0)
    .map(({ key, parts }) => `an upload of ${key} is unfinished, with ${parts.size} parts`)

/** A job or an outcome may only end by the orchestrator's own word, which has a `detail`. */
async function believedGateways({ id, dir }: Worker): Promise<string[]> {
  const log = await readFile(join(dir, 'log.jsonl'), 'utf8')
  return log
    .split('\n')
    .filter((line) => line.includes('"report.refused"') && !line.includes('{\\"detail\\":'))
    .map((line) => `${id} has believed somebody else than the orchestrator: ${line}`)
}

async function wrongEnds({ orchestrator, expected }: Remains): Promise<string[]> {
  const wrong: string[] = []
  for (const [id, code] of expected) {
    const job = orchestrator.jobs.get(id)!
    const { state, report } = job
    if (code === undefined && state === 'failed')
      wrong.push(`${id} failed: ${String(report['error'])}`)
    if (code !== undefined && (state !== 'failed' || report['error_code'] !== code))
      wrong.push(`${id} should have failed with ${code}, and ${state}: ${String(report['error'])}`)
    const { sha256 } = (report['result'] ?? {}) as { sha256?: string }
    const url = String(report['output_url'])
    if (state === 'succeeded') wrong.push(...(await objectProblem(id, url, sha256)))
  }
  return wrong
}

/** The object at the URL that was reported has the bytes that were reported. */
export async function objectProblem(
  id: string,
  url: string,
  sha256: string | undefined,
): Promise<string[]> {
  const answer = await fetch(url)
  const bytes = Buffer.from(await answer.arrayBuffer())
  if (answer.status !== 200) return [`${id}: its object answers ${answer.status}`]
  const found = createHash('sha256').update(bytes).digest('hex')
  return found === sha256 ? [] : [`${id}: its object has other bytes than were reported`]
}

/** What a worker that has ended may not leave: files of jobs, untold outcomes, locks. */
export async function leftBy({ id, dir }: Worker): Promise<string[]> {
  const names = await readdir(dir, { recursive: true, withFileTypes: true })
  return names
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter((path) => /^(state|scratch)\//.test(path))
    .map((path) => `${id} has left ${path}`)
}
