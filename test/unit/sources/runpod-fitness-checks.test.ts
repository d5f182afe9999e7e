import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { checkFitness } from '../../../runtime/sources/runpod/fitness-checks.ts'

const GB = 2 ** 30

test('a machine with enough memory and disk is fit', async () => {
  const demands = { memoryGb: 4, diskPercent: 0 }
  expect(await checkFitness(demands, 4 * GB, tmpdir())).toBeUndefined()
})

test('one that lacks memory or disk is told what it has and what is needed', async () => {
  expect(await checkFitness({ memoryGb: 4, diskPercent: 0 }, 3.96 * GB, tmpdir())).toEqual({
    check: 'memory',
    reason: '3.96 GB of memory are free, 4 are needed',
  })
  const full = await checkFitness({ memoryGb: 0, diskPercent: 101 }, GB, tmpdir())
  expect(full!.check).toBe('disk')
  expect(full!.reason).toMatch(/^\d+(\.\d+)? % of the disk are free, 101 are needed$/)
})
