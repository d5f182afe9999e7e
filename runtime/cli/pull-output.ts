import { formatBytes } from '../bundle-pull/format-bytes.ts'
import type { PlannedFile, PullEvent } from '../bundle-pull/pull-events.ts'
import { drawBar, redrawLine, type ProgressTerminal } from './progress-bar.ts'

const BAR = 24 // characters
const STEP = 0.05 // how often a plain line is worth printing
const PHASES = { download: 'fetching', fill: 'making the graphs', verify: 'verifying' }

/** Events of a pull for people: a bar that is redrawn on a terminal, plain lines elsewhere. */
export function createPullPrinter(out: ProgressTerminal): (event: PullEvent) => void {
  let drawn = false
  let next = 0
  let phase = ''
  const line = (text: string) => {
    if (drawn) out.write('\r\x1b[K')
    drawn = false
    out.write(`${text}\n`)
  }
  return (event) => {
    if (event.type !== 'progress') return linesOf(event).forEach(line)
    const share = event.total > 0 ? Math.min(1, event.bytes / event.total) : 0
    if (event.phase !== phase) next = 0
    const news = event.phase !== phase || share >= next
    phase = event.phase
    if (out.isTTY) {
      const bar = event.total > 0 ? `${drawBar(share, BAR)} ` : ''
      redrawLine(out, bar + describe(event, share))
      drawn = true
    } else if (news) {
      next = share + STEP
      line(describe(event, share))
    }
  }
}

type Progress = Extract<PullEvent, { type: 'progress' }>

function describe({ phase, file, bytes, total, bytesPerSecond, etaS }: Progress, share: number) {
  if (total === 0) return PHASES[phase]
  const percent = `${String(Math.floor(share * 100)).padStart(3)} %`
  const parts = [
    `${percent} ${PHASES[phase]}${file === undefined ? '' : ` ${file}`}`,
    `${formatBytes(bytes)} of ${formatBytes(total)}`,
    ...(bytesPerSecond ? [`${formatBytes(bytesPerSecond)}/s`] : []),
    ...(etaS === undefined ? [] : [`${Math.ceil(etaS)} s to go`]),
  ]
  return parts.join(', ')
}

function linesOf(event: Exclude<PullEvent, Progress>): string[] {
  switch (event.type) {
    case 'note':
      return [`note: ${event.message}`]
    case 'waiting':
      return [`process ${event.pid} on ${event.host} pulls this bundle; waiting for it`]
    case 'plan': {
      const { name, directory, precision, cuda, from, here, fetch } = event
      const bytes = fetch.reduce((sum, file) => sum + file.bytes, 0)
      const form = `${precision}${cuda ? ' with a graph for CUDA' : ''}`
      return [
        `${name}, ${form}, into ${directory}: ${formatBytes(event.bundleBytes)}`,
        ...here.map((file) => `  ${fileLine(file)}  here: ${file.local}`),
        ...(fetch.length > 0 ? [`${formatBytes(bytes)} to fetch from ${from}:`] : []),
        ...fetch.map((file) => `  ${fileLine(file)}  ${file.origin}`),
        `disk: ${formatBytes(event.neededBytes)} needed, ${formatBytes(event.freeBytes)} free`,
      ]
    }
  }
}

const fileLine = ({ path, bytes, license }: PlannedFile): string =>
  `${path.padEnd(36)} ${formatBytes(bytes).padStart(9)}  ${license}`
