/** How much a line matters, the least first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export type LogFields = Record<string, unknown>

/**
 * One line per call: a fixed event name, and measurements as fields with units. Whoever calls says
 * how much it matters: `debug` for whoever replays a failure by hand, `warn` for what went wrong and
 * was survived, `error` for what an operator must mend. `console` is such a log too.
 */
export type Log = Readonly<Record<LogLevel, (event: string, fields?: LogFields) => void>>

/** A log of all four levels by one function. */
export function createLog(write: (level: LogLevel, event: string, fields: LogFields) => void): Log {
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) =>
      write(level, event, fields)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Says nothing. */
export const silentLog: Log = createLog(() => {})

/** The same log, with fields that are on each of its lines. */
export const withLogFields = (log: Log, common: LogFields): Log =>
  createLog((level, event, fields) => log[level](event, { ...common, ...fields }))
