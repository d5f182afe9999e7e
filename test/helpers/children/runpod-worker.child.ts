import type { Render } from '../../../handler/render/render.ts'
import { installSignalHandlers } from '../../../runtime/shutdown.ts'
import { pretendedEngine, pretendedServe } from '../servers/worker-server.ts'

// A whole worker of RunPod's queue but for its models. Argument 1: milliseconds for which a render keeps
// the process from doing anything else. Says `up` once it takes jobs.
const blockMs = Number(process.argv[2])
const env = process.env as Record<string, string>
using stop = installSignalHandlers(Number(env['DRAIN_SEC']) * 1000)
const engine = pretendedEngine()
const render: Render = (task, call) => {
  if (blockMs) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs)
  return engine.render(task, call)
}
const up = () => process.stdout.write('up\n')
await pretendedServe(env, stop, { ...engine, render }, up)
