import type { Cluster, Redis } from 'ioredis'

/** Whose lock, and for how long. */
export interface LockOptions {
  /** `prefix:queue`, what all keys of the queue begin with. */
  queueKey: string
  /** What the jobs of this worker are marked with. */
  workerId: string
  lockMs: number
}

/** A job that is ours, and the secret that its lock holds. */
export interface HeldJob {
  id: string
  token: string
}

/**
 * What BullMQ's extendLock-2.lua does, and one thing more: a lock that has run out while Redis was away
 * is taken again where the job still lies as it was left, active and in this worker's name.
 */
const RENEW = `
local lock = redis.call('GET', KEYS[1])
if lock ~= ARGV[1] then
  if lock or redis.call('HGET', KEYS[2], 'pb') ~= ARGV[4] then return 0 end
  if not redis.call('LPOS', KEYS[3], ARGV[3]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SREM', KEYS[4], ARGV[3])
return 1`

/** @returns false where the job is not this worker's any more: removed, or given to another */
export async function renewLock(
  redis: Redis | Cluster,
  { id, token }: HeldJob,
  { queueKey, workerId, lockMs }: LockOptions,
): Promise<boolean> {
  const job = `${queueKey}:${id}`
  const keys = [`${job}:lock`, job, `${queueKey}:active`, `${queueKey}:stalled`]
  return (await redis.eval(RENEW, keys.length, ...keys, token, lockMs, id, workerId)) === 1
}
