import { collectPatiently } from '../../../runtime/engine/patient-gc.ts'

// Holds 200 MB through two small collections, lets them go, and ends once they have been given back.
collectPatiently()
const held: ArrayBuffer[] = Array.from({ length: 200 }, () => new ArrayBuffer(1 << 20))
let live: number[][] = []
const rounds = setInterval(() => {
  for (let i = 0; i < 100; i++) live = Array.from({ length: 1000 }, () => [i, i, i, i])
  if (held.length > 0 && live.length > 0) held.length = 0
  if (process.memoryUsage().arrayBuffers > 50 << 20) return
  clearInterval(rounds)
  process.stdout.write('given back\n')
}, 50)
