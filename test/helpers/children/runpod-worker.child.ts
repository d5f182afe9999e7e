import { existsSync } from 'node:fs'
import type { Render } from '../../../handler/render/render-task.ts'
import { installSignalHandlers } from '../../../runtime/shutdown.ts'
import { pretendedEngine, pretendedServe } from '../servers/worker-server.ts'

// A whole worker of RunPod's queue but for its models. Argument 1: a file; until it is there a render keeps
// the process from doing anything else. Says `up` once it takes jobs.
const release = process.argv[2]
const tick = new Int32Array(new SharedArrayBuffer(4))
const env = process.env as Record<string, string>
using stop = installSignalHandlers(Number(env['DRAIN_SEC']) * 1000)
const engine = pretendedEngine()
const render: Render = (task, call) => {
  while (release !== undefined && !existsSync(release)) Atomics.wait(tick, 0, 0, 50)
  return engine.render(task, call)
}
const up = () => process.stdout.write('up\n')
await pretendedServe(env, stop, { ...engine, render }, up)
