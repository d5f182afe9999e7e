import type { EventBase } from '../../handler/events/job-events.ts'

/** As much of a terminal, or of what stands for one, as progress needs. */
export interface ProgressTerminal {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/** As much of an event of a job as is shown. */
export interface ShownProgress extends Pick<EventBase, 'progress' | 'eta_sec' | 'metrics'> {
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled'
  phase: string
}
type Printer = (progress: ShownProgress) => void

const BAR = 30 // characters
const STEP = 0.1 // how often a plain line is worth printing

/** A bar that is redrawn on a terminal; elsewhere one plain line per tenth of the way. */
export function createProgressPrinter(out: ProgressTerminal): Printer {
  return out.isTTY ? ttyBar(out) : plainLines(out)
}

function ttyBar(out: ProgressTerminal): Printer {
  return (event) => {
    redrawLine(out, `${drawBar(event.progress, BAR)} ${describe(event)}`)
    if (!['queued', 'running'].includes(event.status)) out.write('\n')
  }
}

/** @param share 0..1 of `width` characters */
export function drawBar(share: number, width: number): string {
  const filled = Math.round(share * width)
  return '█'.repeat(filled) + '░'.repeat(width - filled)
}

/** In place of what the line held; longer than the terminal is wide it would not be one. */
export const redrawLine = (out: ProgressTerminal, text: string): void =>
  void out.write(`\r\x1b[K${text.slice(0, (out.columns ?? 80) - 1)}`)

function plainLines(out: ProgressTerminal): Printer {
  let next = 0
  let last = ''
  return (event) => {
    const what = nameOf(event)
    if (what === last && event.progress < next) return
    next = event.progress + STEP
    last = what
    out.write(`${describe(event)}\n`)
  }
}

const nameOf = ({ status, phase }: Pick<ShownProgress, 'status' | 'phase'>): string =>
  status === 'running' ? phase : status

function describe({ progress, eta_sec, metrics, ...event }: ShownProgress): string {
  const frames = metrics.frames_total
    ? `, frame ${metrics.frames_done}/${metrics.frames_total}`
    : ''
  const eta = eta_sec ? `, ${Math.ceil(eta_sec)} s to go` : ''
  return `${String(Math.round(progress * 100)).padStart(3)} % ${nameOf(event)}${frames}${eta}`
}
