import { existsSync } from 'node:fs'
import {
  startLockThread,
  type LockThreadOptions,
} from '../../../runtime/sources/bullmq/lock-thread.ts'

// A process that holds one job, and whose own thread is busy until the file of argument 2 is there.
const locks = startLockThread(JSON.parse(process.argv[2]!) as LockThreadOptions, () => {})
locks.hold({ id: '1', token: 'mine' })
process.stdout.write('blocked\n', () => {
  const tick = new Int32Array(new SharedArrayBuffer(4))
  while (!existsSync(process.argv[3]!)) Atomics.wait(tick, 0, 0, 50)
  process.exit(0)
})
