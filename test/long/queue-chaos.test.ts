import { describe, expect, test } from 'vitest'
import { queueChaos } from '../helpers/chaos/queue-chaos.ts'
import { hasRedis } from '../helpers/redis/server.ts'

// `.ci/long` asks for it: a seed takes two to four minutes of two cores.
const SEEDS = Number(process.env['CHAOS_SEEDS'] ?? 5)
const FIRST = Number(process.env['CHAOS_FIRST'] ?? 1)
const JOBS = Number(process.env['CHAOS_JOBS'] ?? 100)

const asked = process.env['CHAOS_TEST'] !== undefined

describe.skipIf(!asked || !hasRedis)(
  'a queue, three workers and chaos (needs redis-server)',
  () => {
    test.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))(
      'a hundred jobs end as they must: seed %i',
      async (seed) => {
        // Every other Redis has forgotten everything when it starts again.
        const durable = seed % 2 === 1
        const { violations, ...summary } = await queueChaos({
          ...{ seed, durable, jobs: JOBS, limitMs: 1_500_000 },
        })
        process.stdout.write(`chaos ${JSON.stringify(summary)}\n`)
        expect(violations).toEqual([])
        const { kills, restarts, cuts, stops } = summary
        expect(Math.min(kills, restarts, cuts, stops.group, stops.ffmpeg)).toBeGreaterThan(0)
      },
      1_800_000,
    )
  },
)
