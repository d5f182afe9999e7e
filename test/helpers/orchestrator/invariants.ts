import { endOf, missingFrom, type Change, type Entry, type Request } from './request-log.ts'

/** What may never happen, found in a record: each answers one sentence per violation. */
export type Check = (record: readonly Entry[]) => string[]

const requests = (record: readonly Entry[]) =>
  record.filter(({ kind }) => kind === 'request') as Request[]
const changes = (record: readonly Entry[]) =>
  record.filter(({ kind }) => kind === 'change') as Change[]

/** Words about a job: how far it is, or how it ended. */
const isReport = ({ route }: Request) => route === 'main.progress' || route === 'buffer.status'

/** Reports by the attempt that they belong to. */
function attempts(record: readonly Entry[]): Map<string, Request[]> {
  const reports = requests(record).filter(isReport)
  return Map.groupBy(reports, (it) => `job ${it.job}, attempt ${it.attempt} of ${it.worker}`)
}

/** Every job that was submitted has one end, and a failed one says why. */
export const endings: Check = (record) => {
  const all = changes(record)
  const ends = ({ change }: Change) => ['succeeded', 'failed', 'canceled'].includes(change)
  return all
    .filter(({ change }) => change === 'submitted')
    .flatMap(({ job }) => {
      const found = all.filter((it) => it.job === job && ends(it))
      const silent = found.filter((it) => it.change === 'failed' && !wellSaid(it.code))
      return [
        ...(found.length === 0 ? [`job ${job} has not ended`] : []),
        ...(found.length > 1 ? [`job ${job} has ended ${found.length} times`] : []),
        ...silent.map(() => `job ${job} has failed without a reason`),
      ]
    })
}

const wellSaid = (code: string | undefined) =>
  code !== undefined && code !== '' && code !== 'undefined'

/** After the end of an attempt nothing but the same end is told again. */
export const wordsAfterTheEnd: Check = (record) =>
  [...attempts(record)].flatMap(([name, reports]) => {
    const first = reports.findIndex(({ body }) => endOf(body))
    if (first < 0) return []
    const end = JSON.stringify(reports[first]!.body)
    return reports
      .slice(first + 1)
      .filter(({ body }) => JSON.stringify(body) !== end)
      .map(({ body }) => `${name}: "${String(body['status'])}" came after its end`)
  })

/** Progress never falls within an attempt, the end included where it is a success. */
export const fallingProgress: Check = (record) =>
  [...attempts(record)].flatMap(([name, reports]) => {
    let reached = 0
    return reports.flatMap(({ body }) => {
      const { progress } = body
      if (typeof progress !== 'number' || endOf(body) === 'failed') return []
      const [before, fell] = [reached, progress < reached]
      reached = Math.max(reached, progress)
      return fell ? [`${name}: progress fell from ${before} to ${progress}`] : []
    })
  })

/** A success names its object and its measurements. */
export const phantomSuccesses: Check = (record) =>
  requests(record)
    .filter((it) => isReport(it) && endOf(it.body) === 'succeeded')
    .flatMap(({ job, body }) => {
      const missing = missingFrom(body)
      return missing ? [`job ${job}: a success without ${missing}`] : []
    })

/** A worker that got to hear that a job is not its own any more stops working on it. */
export const deafness: Check = (record) =>
  [...attempts(record)].flatMap(([name, reports]) => {
    const told = reports.findIndex((report) => isRevoked(report) && !endOf(report.body))
    const later = told < 0 ? [] : reports.slice(told + 1).filter(({ body }) => !endOf(body))
    // One may have been on its way while the answer was.
    return later.length > 1 ? [`${name}: ${later.length} reports after it was told to stop`] : []
  })

/** Said by the orchestrator, and not by somebody in its place. */
const isRevoked = ({ status = 200, fault }: Request) =>
  [404, 409, 410].includes(status) && fault?.kind !== 'gateway'

/** No two workers work on a job at once, unless it was taken from one, or given to both on purpose. */
export const sharedJobs: Check = (record) => {
  /** Hand-outs that are in force, and those whose worker may still think so. */
  let [holds, thinks]: [Change[], Change[]] = [[], []]
  return record.flatMap((entry) => {
    if (entry.kind === 'turn') return []
    const isSame = ({ job, worker }: Change) => job === entry.job && worker === entry.worker
    const { job = '', worker = '' } = entry
    if (entry.kind === 'change') {
      if (entry.change === 'handed' || entry.change === 'adopted') {
        const isShared = holds.some((other) => other.job === job)
        holds.push(entry)
        if (isShared && !entry.duplicate) return [`job ${job}: ${worker} is not alone`]
      }
      if (entry.change === 'requeued') {
        const isOver = (other: Change) => isSame(other) && other.attempt === entry.attempt
        holds = holds.filter((other) => !isOver(other))
        // Who says itself that it has failed has given up what came before, too.
        if (entry.why !== 'retryable') thinks.push(entry)
        else thinks = thinks.filter((other) => !isSame(other) || other.attempt! > entry.attempt!)
      }
      return []
    }
    if (!isReport(entry) || endOf(entry.body) || [...holds, ...thinks].some(isSame)) return []
    return [`job ${job}: ${worker} works on it, and was not given it`]
  })
}

/** From when to when a worker's process lived, by the orchestrator's clock. */
export interface Life {
  worker: string
  from: number
  to: number
}

/** A worker that lives says so. */
export const silences =
  (lives: readonly Life[], longestMs = 15_000): Check =>
  (record) =>
    gaps(lives, record)
      .filter(({ ms }) => ms > longestMs)
      .map(({ worker, ms }) => `${worker} was silent for ${Math.round(ms)} ms`)

/** Between a worker's signs of life; time when the orchestrator was away does not count. */
export function gaps(lives: readonly Life[], record: readonly Entry[]) {
  const beats = requests(record).filter(({ route }) => route.endsWith('.heartbeat'))
  const away = absences(record)
  return lives.flatMap(({ worker, from, to }) => {
    const heard = beats.filter((it) => it.worker === worker && it.at > from && it.at < to)
    const times = [from, ...heard.map(({ at }) => at), to]
    return times.slice(1).map((at, i) => {
      const excused = away.reduce((ms, it) => ms + overlap(it, [times[i]!, at]), 0)
      return { worker, ms: at - times[i]! - excused }
    })
  })
}

function absences(record: readonly Entry[]): [number, number][] {
  const turns = record.filter((entry) => entry.kind === 'turn')
  return turns
    .filter(({ turn }) => turn === 'down')
    .map(({ at }) => [at, turns.find((it) => it.turn === 'up' && it.at > at)?.at ?? Infinity])
}

const overlap = (a: readonly [number, number], b: readonly [number, number]) =>
  Math.max(0, Math.min(a[1], b[1]) - Math.max(a[0], b[0]))

/** All that hold at any moment. */
export const ALWAYS: Record<string, Check> = {
  ...{ wordsAfterTheEnd, fallingProgress, phantomSuccesses, deafness, sharedJobs },
}
