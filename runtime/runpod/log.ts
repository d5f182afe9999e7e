import type { Log } from '../../handler/render/context.ts'
import type { Config } from '../config/config.ts'
import { DETAILS } from '../log/json-log.ts'
import { RUNPOD_LEVELS, type RunpodLevel } from '../log/levels.ts'

const LONGEST = 4096
/** The lines that RunPod's users know from its own SDK. */
const RUNPOD_MESSAGES: Record<string, (fields: Record<string, unknown>) => string> = {
  'worker.starting': ({ version }) =>
    `--- Starting Serverless Worker |  Version ${String(version)} ---`,
  'claim.taken': () => 'Started.',
  'outcome.delivered': () => 'Finished.',
}
const ERRORS = /^(worker\.(unfit|not_ready)|engine\.broken|outcome\.given_up|http\.failed)$/
const WARNINGS =
  /(failed|refused|unheard|unsafe|stuck|too_large|unreadable|nameless|unanswered|forbidden|unknown|unreachable)$/

/** One JSON line per event on stdout, as RunPod's console links them to a request. */
export function runpodLog(
  least: RunpodLevel,
  write = (line: string) => void process.stdout.write(line),
): Log {
  return (event, fields = {}) => {
    const level = levelOf(event)
    if (least === 'NOTSET' || RUNPOD_LEVELS.indexOf(level) < RUNPOD_LEVELS.indexOf(least)) return
    const { job = null, ...rest } = fields
    const message = truncate(
      RUNPOD_MESSAGES[event]?.(rest) ?? [event, ...formatFields(rest)].join(' '),
    )
    write(`${JSON.stringify({ requestId: job, message, level, event, ...shortFields(rest) })}\n`)
  }
}

/** RunPod's variables win over ours. */
export function runpodLevel(
  config: Pick<Config, 'LOG_LEVEL' | 'RUNPOD_DEBUG_LEVEL' | 'RUNPOD_LOG_LEVEL'>,
): RunpodLevel {
  const own = ({ silent: 'NOTSET', info: 'INFO', debug: 'DEBUG' } as const)[config.LOG_LEVEL]
  return config.RUNPOD_LOG_LEVEL ?? config.RUNPOD_DEBUG_LEVEL ?? own
}

function levelOf(event: string): RunpodLevel {
  if (DETAILS.has(event)) return 'DEBUG'
  if (ERRORS.test(event)) return 'ERROR'
  return WARNINGS.test(event) ? 'WARN' : 'INFO'
}

const formatFields = (fields: Record<string, unknown>): string[] =>
  Object.entries(fields).map(([key, value]) => `${key}=${asText(value)}`)

const asText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')

/** Long texts stand in the message, once. */
const shortFields = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => asText(value).length < 200))

function truncate(message: string): string {
  const more = message.length - LONGEST
  if (more <= 0) return message
  const note = `\n...TRUNCATED ${more} CHARACTERS...\n`
  return message.slice(0, LONGEST / 2) + note + message.slice(-LONGEST / 2)
}
