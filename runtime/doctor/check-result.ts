/** What one check found. Never a secret: it is printed, and pasted into tickets. */
export interface CheckResult {
  /** What was looked at, one word. */
  check: string
  /** `warn`: it works, but worse than it could; `fail`: jobs will fail, or none will come. */
  status: 'ok' | 'warn' | 'fail'
  message: string
  /** What to do; only where something is to be done. */
  action?: string
}

/** Looks at one part of the machine. @throws whatever it did not expect, told as a failure */
export type Check = (signal: AbortSignal) => AsyncIterable<CheckResult> | Promise<CheckResult[]>

export const ok = (check: string, message: string): CheckResult => ({
  check,
  status: 'ok',
  message,
})
export const warn = (check: string, message: string, action: string): CheckResult => ({
  ...{ check, status: 'warn', message, action },
})
export const fail = (check: string, message: string, action: string): CheckResult => ({
  ...{ check, status: 'fail', message, action },
})
