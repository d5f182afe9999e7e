import { test } from 'vitest'

const ALL_ROWS = process.env['ALL_ROWS'] === '1'

/**
 * Rows of a table whose rows vary one thing: `npm test` runs the first, `.ci/long` all (ALL_ROWS=1).
 * Put what is held nowhere else among the first.
 */
export const shortlist = <T>(kept: number, rows: readonly T[]): readonly T[] =>
  ALL_ROWS ? rows : rows.slice(0, kept)

/** A test of `.ci/long` alone: it varies what another one holds. */
export const variant: (name: string, run: () => Promise<unknown>) => void = ALL_ROWS
  ? test
  : () => {}
