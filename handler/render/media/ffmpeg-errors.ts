import { InputError, WorkerError, type JobError } from '../../errors.ts'
import type { ProcessResult } from './ffmpeg.ts'

/** Which error an ffmpeg that failed on an input stands for; its text is the only thing it offers. */
export function toInputError(finished: ProcessResult, role: string): JobError {
  const machine = toSystemError(finished, `working on the ${role} input`)
  if (machine) return machine
  const { stderr } = finished
  const cause = toError(finished)
  const message = `the ${role} input cannot be decoded: ${firstLine(stderr)}`
  return new InputError('MEDIA_UNREADABLE', message, { cause })
}

/** The error where it was this machine that failed, whatever the input was. */
export function toSystemError(
  { signal, stderr }: ProcessResult,
  doing: string,
): JobError | undefined {
  if (/No space left on device/i.test(stderr)) {
    return new WorkerError('DISK_FULL', `the disk filled up while ${doing}`)
  }
  // We kill only after an abort, which explains itself; else it was the kernel, short of memory.
  if (signal === 'SIGKILL' || /Cannot allocate memory|out of memory/i.test(stderr)) {
    return new WorkerError('OUT_OF_MEMORY', `ffmpeg ran out of memory while ${doing}`)
  }
  return undefined
}

export const toError = ({ code, signal, stderr }: ProcessResult): Error =>
  new Error(`ffmpeg ended with ${code ?? signal}: ${stderr.slice(-600)}`)

/** One line of ffmpeg's for the caller, without addresses and without paths of this machine. */
function firstLine(stderr: string): string {
  const [line = ''] = stderr.trim().split('\n')
  const clean = line.replace(/^\[[^\]]*\]\s*/, '').replace(/(?:file:)?\/\S+/g, 'the file')
  return clean.slice(0, 160) || 'ffmpeg gave no reason'
}
