import { createLog, type Log, type LogFields } from '../../handler/log.ts'
import type { Config } from '../config/config.ts'
import { RUNPOD_LEVELS, type LogThreshold, type RunpodLevel } from './levels.ts'

const MAX_MESSAGE = 4096 // characters
/** The lines that RunPod's users know from its own SDK. */
export const RUNPOD_MESSAGES: Record<string, (fields: LogFields) => string> = {
  'worker.starting': ({ version }) =>
    `--- Starting Serverless Worker |  Version ${String(version)} ---`,
  'claim.taken': () => 'Started.',
  'outcome.delivered': () => 'Finished.',
}

/** One JSON line per event on stdout, as RunPod's console links them to a request. */
export function runpodLog(
  threshold: RunpodLevel,
  write: (line: string) => void = (line) => process.stdout.write(line),
): Log {
  return createLog((ourLevel, event, fields) => {
    const level = RUNPOD_LEVEL[ourLevel]
    const tooLow = RUNPOD_LEVELS.indexOf(level) < RUNPOD_LEVELS.indexOf(threshold)
    if (threshold === 'NOTSET' || tooLow) return
    const { job = null, ...rest } = fields
    const message = truncate(
      RUNPOD_MESSAGES[event]?.(rest) ?? [event, ...formatFields(rest)].join(' '),
    )
    write(`${JSON.stringify({ requestId: job, message, level, event, ...shortFields(rest) })}\n`)
  })
}

/** RunPod's variables win over ours. */
export function runpodLevel(
  config: Pick<Config, 'LOG_LEVEL' | 'RUNPOD_DEBUG_LEVEL' | 'RUNPOD_LOG_LEVEL'>,
): RunpodLevel {
  return config.RUNPOD_LOG_LEVEL ?? config.RUNPOD_DEBUG_LEVEL ?? RUNPOD_LEVEL[config.LOG_LEVEL]
}

const RUNPOD_LEVEL = {
  ...{ silent: 'NOTSET', debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR' },
} as const satisfies Record<LogThreshold, RunpodLevel>

const formatFields = (fields: LogFields): string[] =>
  Object.entries(fields).map(([key, value]) => `${key}=${asText(value)}`)

const asText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')

/** Long texts stand in the message, once. */
const shortFields = (fields: LogFields): LogFields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => asText(value).length < 200))

function truncate(message: string): string {
  const more = message.length - MAX_MESSAGE
  if (more <= 0) return message
  const note = `\n...TRUNCATED ${more} CHARACTERS...\n`
  return message.slice(0, MAX_MESSAGE / 2) + note + message.slice(-MAX_MESSAGE / 2)
}
