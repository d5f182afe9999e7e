import { InputError, type JobError } from '../../handler/errors.ts'

/** Who tells of the error. */
export interface Reporter {
  id: string
  version: string
  /** Where it runs, if the platform told. */
  hostname?: string
}

/**
 * An error in RunPod's words. Always a string: clients lose an object. A short sentence where the
 * caller must act, else the SDK's object as JSON, without its traceback.
 */
export function runpodError(error: JobError, { id, version, hostname = id }: Reporter): string {
  if (error instanceof InputError) return `${error.code}: ${error.message}`
  const { code, message, stage, retryable } = error.toJSON()
  return JSON.stringify({
    error_type: error.name,
    error_message: message,
    error_traceback: '',
    hostname,
    worker_id: id,
    runpod_version: `musetalk-worker/${version}`,
    code,
    ...(stage && { stage }),
    retryable,
  })
}
