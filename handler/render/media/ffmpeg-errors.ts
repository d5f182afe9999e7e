import { InputError, WorkerError, type JobError } from '../../errors.ts'
import type { ProcessResult } from './ffmpeg.ts'

/** Which error an ffmpeg that failed on an input stands for; its text is the only thing it offers. */
export function toInputError(finished: ProcessResult, role: string): JobError {
  const greedy = isGreedy(finished)
  const machine = greedy ? undefined : toSystemError(finished, `working on the ${role} input`)
  if (machine) return machine
  const { stderr, signal, stalled } = finished
  const cause = toError(finished)
  const codec = /Decoder \(codec (\w+)\) not found/.exec(stderr)?.[1]
  const why = codec
    ? `it is coded as "${codec}", which the ffmpeg of this worker does not decode`
    : stalled
      ? 'ffmpeg works on it without an end'
      : greedy
        ? 'it wants more memory than a good file does'
        : signal
          ? `ffmpeg crashed on it (${signal})`
          : firstLine(stderr)
  const message = `the ${role} input cannot be decoded: ${why}`
  return new InputError('MEDIA_UNREADABLE', message, { cause })
}

/** Which error an ffmpeg that has worked on an input stands for; undefined where it has done so. */
export const inputErrorOf = (finished: ProcessResult, role: string): JobError | undefined =>
  finished.code === 0
    ? toSystemError(finished, `working on the ${role} input`)
    : toInputError(finished, role)

/** What ffmpeg says when the system has no memory, thread or descriptor left for it. */
const SCARCE =
  /Cannot allocate memory|out of memory|malloc of size \d+ failed|Resource temporarily unavailable|Too many open files|pthread_create|thread.*fail|failed to (?:create|start) thread/i
/** More than any file's own description may take. */
const PLENTY_BYTES = 2 ** 30

/** It was our ceiling, not the machine's: a file that is sound describes itself in a few megabytes. */
const isForgedTable = ({ stderr, freeMemory }: ProcessResult): boolean =>
  freeMemory > PLENTY_BYTES && /error reading header[^]*Cannot allocate memory/.test(stderr)

/**
 * The same of what is within a file (a color profile that inflates to a gigabyte): our ceilings refuse
 * it, while there is memory. In another worker they would too.
 */
const isGreedy = ({ code, freeMemory, overCeiling }: ProcessResult): boolean =>
  overCeiling === true && code !== 0 && freeMemory > PLENTY_BYTES

/** These come from the program itself: what it was given made it crash. */
const CRASHES = new Set<NodeJS.Signals | null>([
  ...(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL'] as const),
  'SIGXCPU', // it computed for longer than any good file takes
])
/** ffmpeg takes SIGTERM and SIGINT for its user's wish to end, and ends so; at our log level in silence. */
const STOPPED = 255
/** While it opens a file it calls that a failure to open, with another code. */
const INTERRUPTED = /Immediate exit requested|Received > 3 system signals/
/** And while it looks at what it has opened, before it knows the pixels: all that it says then, and nothing of decoding. */
const NOT_LOOKED_AT =
  /Cannot determine format of input|Error marking filters as finished|Terminating thread|Task finished with error/

/** Whether every line is one of these, and there is one. */
export const saysOnly = (stderr: string, what: RegExp): boolean =>
  stderr.trim() !== '' &&
  stderr
    .trim()
    .split('\n')
    .every((line) => what.test(line))

/** A signal from outside has ended ffmpeg: nothing is wrong with the input, and the same again may be done. */
export class FfmpegStopped extends Error {}

/**
 * The error where it was this machine that failed, whatever the input was: whoever sent the job need
 * not mend it, and another try can help.
 */
export function toSystemError(finished: ProcessResult, doing: string): JobError | undefined {
  const { code, signal, stderr, stalled } = finished
  if (/No space left on device|Disk quota exceeded/i.test(stderr)) {
    return new WorkerError('DISK_FULL', `the disk filled up while ${doing}`)
  }
  // What the shell says that sets the limits of a child.
  if (code === 127 || code === 126) {
    return new WorkerError('FFMPEG_MISSING', `ffmpeg is no longer there for ${doing}`)
  }
  if (stalled === 'hung') {
    return new WorkerError('ENGINE_LOST', `ffmpeg stood still while ${doing} and was ended`)
  }
  if (stalled === 'busy') return undefined // the input keeps it busy for ever
  if (isForgedTable(finished)) return undefined
  // It may end well without what it had no memory for: pictures that are gray, or not there.
  const isScarce = SCARCE.test(stderr) && (code !== 0 || finished.freeMemory < PLENTY_BYTES)
  // We kill only after an abort, which explains itself; else it was the kernel, short of memory.
  if (signal === 'SIGKILL' || isScarce) {
    return new WorkerError('OUT_OF_MEMORY', `ffmpeg ran out of memory while ${doing}`)
  }
  const stopped =
    INTERRUPTED.test(stderr) ||
    saysOnly(stderr, NOT_LOOKED_AT) ||
    (code === STOPPED && !/Operation not permitted/.test(stderr))
  if (!stopped && (!signal || CRASHES.has(signal))) return undefined
  const message = `ffmpeg was ended by ${signal ?? 'a signal'} while ${doing}`
  return new WorkerError('ENGINE_LOST', message, { cause: new FfmpegStopped(message) })
}

export const toError = ({ code, signal, stderr }: ProcessResult): Error =>
  new Error(`ffmpeg ended with ${code ?? signal}: ${stderr.slice(-600)}`)

/** One line of ffmpeg's for the caller, without addresses and without paths of this machine. */
function firstLine(stderr: string): string {
  const [line = ''] = stderr.trim().split('\n')
  const clean = line
    .replace(/^(?:\[[^\]]*\]\s*)+/, '')
    .replace(/\s*@?\s*0x[0-9a-f]+/gi, '')
    .replace(/(?:file:)?\/\S+/g, 'the file')
  return clean.slice(0, 160) || 'ffmpeg gave no reason'
}
