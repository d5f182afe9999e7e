import type { EventListener } from '../../handler/events/event-emitter.ts'
import type { JobEvent } from '../../handler/events/job-events.ts'

/** As much of a terminal, or of what stands for one, as progress needs. */
export interface ProgressTerminal {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

const BAR = 30 // characters
const STEP = 0.1 // how often a plain line is worth printing

/** A bar that is redrawn on a terminal; elsewhere one plain line per tenth of the way. */
export function createProgressPrinter(out: ProgressTerminal): EventListener {
  return out.isTTY ? ttyBar(out) : plainLines(out)
}

function ttyBar(out: ProgressTerminal): EventListener {
  return (event) => {
    redrawLine(out, `${drawBar(event.progress, BAR)} ${describe(event)}`)
    if (event.status !== 'running') out.write('\n')
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

function plainLines(out: ProgressTerminal): EventListener {
  let next = 0
  let last = ''
  return (event) => {
    if (event.status === 'running' && event.phase === last && event.progress < next) return
    next = event.progress + STEP
    last = event.phase
    out.write(`${describe(event)}\n`)
  }
}

function describe({ status, phase, progress, eta_sec, metrics }: JobEvent): string {
  const what = status === 'running' ? phase : status
  const frames = metrics.frames_total
    ? `, frame ${metrics.frames_done}/${metrics.frames_total}`
    : ''
  const eta = eta_sec ? `, ${Math.ceil(eta_sec)} s to go` : ''
  return `${String(Math.round(progress * 100)).padStart(3)} % ${what}${frames}${eta}`
}
