/** What one check found. Never a secret: it is printed, and pasted into tickets. */
export interface Finding {
  /** What was looked at, one word. */
  check: string
  /** `warn`: it works, but worse than it could; `fail`: jobs will fail, or none will come. */
  status: 'ok' | 'warn' | 'fail'
  found: string
  /** What to do; only where something is to be done. */
  todo?: string
}

/** Looks at one part of the machine. @throws whatever it did not expect, told as a failure */
export type Check = (signal: AbortSignal) => AsyncIterable<Finding> | Promise<Finding[]>

export const ok = (check: string, found: string): Finding => ({ check, status: 'ok', found })
export const warn = (check: string, found: string, todo: string): Finding => ({
  ...{ check, status: 'warn', found, todo },
})
export const fail = (check: string, found: string, todo: string): Finding => ({
  ...{ check, status: 'fail', found, todo },
})
