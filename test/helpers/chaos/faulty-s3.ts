import type { Random } from '../orchestrator/random.ts'
import { strictS3, type Fault, type Operation, type StrictS3 } from '../storage/strict-s3.ts'

export interface StormyS3 extends StrictS3 {
  faults(): number
  /** No further accidents: what is stored is looked at now. */
  calm(): void
}

/** @param told called for each request before it is answered */
export async function stormyS3(
  random: Random,
  share: number,
  told: (operation: Operation) => void,
): Promise<StormyS3> {
  let faults = 0
  let left = share
  const server = await strictS3((operation) => {
    told(operation)
    if (!random.chance(left)) return undefined
    faults++
    return accident(random, operation)
  })
  return { ...server, faults: () => faults, calm: () => void (left = 0) }
}

function accident(random: Random, { name }: Operation): Fault {
  const fault = random.pick<Fault>([
    [2, { status: 500, code: 'InternalError' }],
    [2, { status: 503, code: 'SlowDown' }],
    [2, 'reset'],
    [2, 'lost'],
    [1, 'truncated'],
    [1, { delayMs: random.between(1, 1_000) }],
  ])
  // An answer without a body cannot be cut.
  return fault === 'truncated' && name === 'head' ? 'reset' : fault
}
