import { InputError, WorkerError, type JobError } from '../errors.ts'
import type { Finished } from './ffmpeg.ts'

/** Which error an ffmpeg that failed on an input stands for; its text is the only thing it offers. */
export function fromFfmpeg({ code, stderr }: Finished, role: string): JobError {
  if (/No space left on device/i.test(stderr)) {
    return new WorkerError('DISK_FULL', `the disk filled up while working on the ${role}`)
  }
  if (/Cannot allocate memory|out of memory/i.test(stderr)) {
    return new WorkerError('OUT_OF_MEMORY', `ffmpeg ran out of memory on the ${role}`)
  }
  const cause = new Error(`ffmpeg ended with ${code ?? 'a signal'}: ${stderr.slice(-600)}`)
  const message = `the ${role} input cannot be decoded: ${firstLine(stderr)}`
  return new InputError('MEDIA_UNREADABLE', message, { cause })
}

/** One line of ffmpeg's for the caller, without addresses and without paths of this machine. */
function firstLine(stderr: string): string {
  const [line = ''] = stderr.trim().split('\n')
  const clean = line.replace(/^\[[^\]]*\]\s*/, '').replace(/(?:file:)?\/\S+/g, 'the file')
  return clean.slice(0, 160) || 'ffmpeg gave no reason'
}
