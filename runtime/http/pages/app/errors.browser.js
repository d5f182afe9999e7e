// What went wrong, in plain words, and what to do about it.

/** @type {Readonly<Record<string, string>>} */
const ADVICE = {
  INVALID_JOB: 'Change what the message names, then try again.',
  BLOCKED_URL:
    'The worker does not fetch from private addresses. Upload the file instead, or use a public address.',
  MEDIA_UNREADABLE:
    'Play the file on this machine first: it is damaged or of a kind that is not taken.',
  MEDIA_TOO_LARGE: 'Use a smaller file or picture.',
  MEDIA_TOO_LONG: 'Cut it shorter.',
  MEDIA_TOO_SMALL: 'Use a larger picture.',
  NO_FACE:
    'Use a picture in which one face is large, upright and seen from the front, or draw a frame around it.',
  JOB_CONFLICT: 'Send it again as a new job.',
  NOT_FOUND:
    'The worker keeps what it knows of a job for half an hour after its end, and until it is started again. Make it again.',
  INVALID_UPLOAD: 'Choose the file again: it arrived empty or cut.',
  UNSUPPORTED_TYPE: 'Choose a picture, a video or a recording of sound.',
  DOWNLOAD_FAILED:
    'The server of that address did not give the file. Open the address in a browser, or upload the file.',
  UPLOAD_FAILED:
    'The worker could not store the result. Whoever runs it should look at its storage: `musetalk-worker doctor`.',
  OUT_OF_MEMORY: 'The worker’s machine has too little memory for this. Try a smaller video.',
  DISK_FULL: 'The worker’s disk is full. Whoever runs it should make room.',
  MODEL_BROKEN:
    'The worker’s models cannot be used. Whoever runs it should run `musetalk-worker doctor`.',
  ENGINE_LOST: 'The render process ended. It is started again: try once more.',
  FFMPEG_MISSING: 'The worker has no ffmpeg. Whoever runs it should run `musetalk-worker doctor`.',
  BUSY: 'Too many jobs wait. Try again in a minute.',
  BUG: 'Nobody foresaw this. Please report it with the job’s number and the worker’s log.',
  CANCELED: 'You canceled it.',
  DEADLINE: 'It took longer than the worker allows. Use a shorter recording.',
  SHUTDOWN: 'The worker was stopped. Try again when it is back.',
  UNAUTHORIZED: 'The key is not the worker’s API_KEY.',
  UNREACHABLE: 'The worker does not answer. Is it still running?',
}

export class WorkerRefusal extends Error {
  /** @param {string} code @param {string} message @param {number} [status] */
  constructor(code, message, status) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** @param {unknown} error @returns {{ what: string, advice: string }} */
export function explain(error) {
  const { code, message } =
    error instanceof WorkerRefusal
      ? error
      : { code: 'UNREACHABLE', message: error instanceof Error ? error.message : String(error) }
  return { what: message, advice: ADVICE[code] ?? '' }
}

/** What to do about a failure that a job ended with. */
export const adviceFor = (/** @type {string} */ code) => ADVICE[code] ?? ''
