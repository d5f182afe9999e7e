import { createLog, type Log } from '../../handler/log.ts'
import { isLogged, type LogThreshold } from './levels.ts'

/** One JSON line per event on stderr. */
export function createJsonLogger(
  threshold: LogThreshold,
  write: (line: string) => void = (line) => process.stderr.write(line),
): Log {
  return createLog((level, event, fields) => {
    if (!isLogged(level, threshold)) return
    write(`${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`)
  })
}
