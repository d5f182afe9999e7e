import type { openRedis } from './redis.ts'

/** What it needs of BullMQ's. */
interface Queue {
  toKey(id: string): string
  /** @returns 1, or 0 where a lock keeps the job */
  remove(id: string): Promise<number>
}

const TRIES = 20

/**
 * Take a job out of the queue, in whatever state. Who works on it finds that out by its lock.
 *
 * @throws Error where it is still there after twenty tries, or where Redis cannot be asked
 */
export async function removeJob(
  queue: Queue,
  redis: ReturnType<typeof openRedis>,
  id: string,
): Promise<void> {
  // A lock that is renewed between the two keeps the job: so again.
  for (let left = TRIES; left > 0; left--) {
    const [, removed] = await Promise.all([redis.del(`${queue.toKey(id)}:lock`), queue.remove(id)])
    if (removed === 1) return
  }
  throw new Error('its worker does not let go of the job')
}

/** All that a job has that waits: its place in the queue, and its data. */
const TAKE_BACK = `
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2])
return 1`

/**
 * Take a job out of the queue that nobody has begun. One command, so that nobody can take the job and
 * finish it between a look at it and its removal.
 *
 * @returns false where it does not wait: somebody has it, or it has ended, or is not there
 */
export async function removeWaiting(
  queue: Pick<Queue, 'toKey'>,
  redis: ReturnType<typeof openRedis>,
  id: string,
): Promise<boolean> {
  return (await redis.eval(TAKE_BACK, 2, queue.toKey('wait'), queue.toKey(id), id)) === 1
}
