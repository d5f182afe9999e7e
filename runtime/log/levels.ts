import { LOG_LEVELS, type LogLevel } from '../../handler/log.ts'

/** What LOG_LEVEL can be: lines of that level and above are said, or none. */
export const LOG_THRESHOLDS = ['silent', ...LOG_LEVELS] as const
export type LogThreshold = (typeof LOG_THRESHOLDS)[number]

export const isLogged = (level: LogLevel, threshold: LogThreshold): boolean =>
  threshold !== 'silent' && LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(threshold)

/** How RunPod's SDK grades its lines, the least important first; `NOTSET` is silence. */
export const RUNPOD_LEVELS = ['NOTSET', 'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] as const
export type RunpodLevel = (typeof RUNPOD_LEVELS)[number]
