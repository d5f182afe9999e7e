import type { Log } from '../../handler/render/context.ts'

const LEVELS = ['silent', 'info', 'debug'] as const
export type LogLevel = (typeof LEVELS)[number]

/** Events that only matter to whoever replays a failure by hand. */
export const DETAILS = new Set(['ffmpeg', 'seek.inexact', 'webhook.progress'])

/** One JSON line per event on stderr. */
export function createJsonLogger(
  level: LogLevel,
  write = (line: string) => void process.stderr.write(line),
): Log {
  return (event, fields) => {
    if (level === 'silent' || (level === 'info' && DETAILS.has(event))) return
    write(`${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`)
  }
}
