/** Exit status by who must act; 130 is the shell's for Ctrl-C. */
export const EXIT_CODES = { caller: 2, upstream: 3, worker: 1, nobody: 130 } as const
