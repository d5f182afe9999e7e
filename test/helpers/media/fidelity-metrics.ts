import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

/** One figure of the fidelity table. */
export interface Row {
  /** Number of the check in the specification of the port, as text so that 13-14 is possible. */
  check: string
  what: string
  /** What the figure is: `max`, `mean`, `bytes off by more than 1`, … */
  figure: string
  found: number
  /** Most that is allowed; least that is demanded where a mistake was made on purpose. */
  limit: number
  /** The same figure as those found it who made the golden data, where they say. */
  golden?: number
  control?: true
}

/**
 * Print a figure, keep it for docs/fidelity.md where FIDELITY_ROWS names a folder, and hold it to its
 * limit.
 */
export function measured(row: Row): void {
  const { check, what, figure, found, limit, control } = row
  const relation = control ? 'must exceed' : 'of at most'
  console.log(`check ${check}: ${what}: ${figure} ${short(found)}, ${relation} ${limit}`)
  const folder = process.env['FIDELITY_ROWS']
  if (folder) appendFileSync(join(folder, `${process.pid}.jsonl`), `${JSON.stringify(row)}\n`)
  if (control) expect(found, `${what}: ${figure}`).toBeGreaterThan(limit)
  else expect(found, `${what}: ${figure}`).toBeLessThanOrEqual(limit)
}

/** Three digits. */
export function short(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return Math.abs(value) < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3)))
}

export interface Difference {
  max: number
  mean: number
  /** Share of values that are off by more than 1, and of those that are off at all. */
  overOne: number
  off: number
}

/** How far `found` is from `wanted`, value by value. */
export function difference(found: ArrayLike<number>, wanted: ArrayLike<number>): Difference {
  if (found.length !== wanted.length) throw new RangeError(`${found.length} and ${wanted.length}`)
  let [max, sum, overOne, off] = [0, 0, 0, 0]
  for (let i = 0; i < found.length; i++) {
    const distance = Math.abs(found[i]! - wanted[i]!)
    if (!(distance <= max)) max = distance // NaN too
    sum += distance
    if (distance > 1) overOne++
    if (distance > 0) off++
  }
  const share = (count: number) => count / found.length
  return { max, mean: sum / found.length, overOne: share(overOne), off: share(off) }
}
