import { createLog, type LogFields, type LogLevel } from '../../handler/log.ts'

export interface LogLine {
  level: LogLevel
  event: string
  fields: LogFields
}

/** A log that keeps its lines. */
export function collectLog() {
  const logged: LogLine[] = []
  const log = createLog((level, event, fields) => void logged.push({ level, event, fields }))
  return { log, logged, events: () => logged.map(({ event }) => event) }
}
