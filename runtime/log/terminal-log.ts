import { createLog, type Log, type LogLevel } from '../../handler/log.ts'
import { isLogged, type LogThreshold } from './levels.ts'

const COLORS: Readonly<Record<LogLevel, number>> = { debug: 90, info: 36, warn: 33, error: 31 }

/** One line per event for people at a terminal: when, how much it matters, what, and the measurements. */
export function createTerminalLogger(
  threshold: LogThreshold,
  write: (line: string) => void = (line) => process.stderr.write(line),
): Log {
  return createLog((level, event, fields) => {
    if (!isLogged(level, threshold)) return
    const time = new Date().toTimeString().slice(0, 8)
    const rest = Object.entries(fields)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => ` ${name}=${shown(value)}`)
    write(`${time} \x1b[${COLORS[level]}m${level.padEnd(5)}\x1b[0m ${event}${rest.join('')}\n`)
  })
}

/** What came from outside cannot write to the terminal: it is quoted where it is more than a word. */
function shown(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@%+-]+$/.test(value)) return value
  const text = JSON.stringify(value) ?? String(value)
  return text.replace(/[\x7f-\x9f]/g, '')
}
