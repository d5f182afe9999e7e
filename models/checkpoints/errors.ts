/**
 * A checkpoint file is not what it should be: damaged, made to do harm, or another file altogether.
 * Reading it again cannot help; the message says what was found and what belongs there.
 */
export class CheckpointError extends Error {
  readonly file: string
  readonly found: string
  readonly expected: string
  constructor(file: string, found: string, expected: string, options?: ErrorOptions) {
    super(`${file}: found ${found}; expected ${expected}`, options)
    this.name = 'CheckpointError'
    this.file = file
    this.found = found
    this.expected = expected
  }
}
