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
