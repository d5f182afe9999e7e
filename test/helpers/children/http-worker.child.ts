import { installSignalHandlers } from '../../../runtime/shutdown.ts'
import { pretendedEngine, pretendedServe } from '../servers/worker-server.ts'

// A whole worker but for its models, to be stopped by signals: says its port.
const env = process.env as Record<string, string>
using stop = installSignalHandlers(Number(env['DRAIN_SEC']) * 1000)
await pretendedServe(env, stop, pretendedEngine(), (port) => process.stdout.write(`${port}\n`))
