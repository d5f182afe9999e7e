import { describe, expect, test } from 'vitest'
import { chaos } from '../helpers/chaos/chaos.ts'

// `.ci/long` asks for it: a seed takes two to four minutes of two cores.
const SEEDS = Number(process.env['CHAOS_SEEDS'] ?? 10)
const FIRST = Number(process.env['CHAOS_FIRST'] ?? 1)
const JOBS = 100

describe.skipIf(!process.env['CHAOS_TEST'])('a hundred jobs, three workers and chaos', () => {
  test.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))(
    'end as they must: seed %i',
    async (seed) => {
      const buffer = seed % 5 === 0
      const { violations, ...summary } = await chaos({ seed, buffer, jobs: JOBS, limitMs: 400_000 })
      process.stdout.write(`chaos ${JSON.stringify({ ...summary, buffer })}\n`)
      expect(violations).toEqual([])
      expect(summary.faults.orchestrator + summary.faults.storage).toBeGreaterThan(JOBS)
      expect(summary.kills * summary.restarts).toBeGreaterThan(0)
    },
    500_000,
  )
})
