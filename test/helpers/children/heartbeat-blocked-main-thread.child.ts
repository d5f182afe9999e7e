import { startHeartbeat } from '../../../runtime/sources/heartbeat/heartbeat-thread.ts'

// A process whose own thread does nothing else for two seconds than to be busy.
const heart = startHeartbeat({ everyMs: 100, timeoutMs: 1_000, onAnswer: () => {} })
heart.update({ method: 'POST', url: process.argv[2]!, headers: {}, body: '{}' })
process.stdout.write('blocked\n', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000)
  process.exit(0)
})
