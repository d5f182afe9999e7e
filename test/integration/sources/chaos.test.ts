import { expect, test } from 'vitest'
import { chaos } from '../../helpers/chaos/chaos.ts'

test('twenty jobs end as they must while workers are killed and every fifth request fails', async () => {
  const { violations, ...summary } = await chaos({ seed: 7, jobs: 20, limitMs: 200_000 })
  process.stdout.write(`chaos ${JSON.stringify(summary)}\n`)
  expect(violations).toEqual([])
  expect(summary.succeeded + summary.failed).toBe(20)
  // On a fast machine the twenty jobs may be over before anybody is killed; requests fail in any case.
  expect(summary.faults.orchestrator * summary.faults.storage).toBeGreaterThan(0)
})
