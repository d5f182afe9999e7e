import { existsSync } from 'node:fs'
import { startHeartbeat } from '../../../runtime/sources/heartbeat/heartbeat-thread.ts'

// A process whose own thread does nothing else than to be busy, until the file of argument 2 is there.
const heart = startHeartbeat({ everyMs: 100, timeoutMs: 1_000, onAnswer: () => {} })
heart.update({ method: 'POST', url: process.argv[2]!, headers: {}, body: '{}' })
process.stdout.write('blocked\n', () => {
  const tick = new Int32Array(new SharedArrayBuffer(4))
  while (!existsSync(process.argv[3]!)) Atomics.wait(tick, 0, 0, 50)
  process.exit(0)
})
