import { bundlePullCommand } from './cli/commands/bundle-pull.ts'
import { bundleInfoCommand, bundleVerifyCommand } from './cli/commands/bundle.ts'
import { completionCommand } from './cli/commands/completion.ts'
import { demoCommand } from './cli/commands/demo.ts'
import { doctorCommand } from './cli/commands/doctor.ts'
import { environmentCommand } from './cli/commands/environment.ts'
import { executeCommandLine } from './cli/execute.ts'
import { processOutput } from './cli/output.ts'
import { runCommand } from './cli/commands/run.ts'
import { serveCommand, startCommand } from './cli/commands/start.ts'
import { submitCommand } from './cli/commands/submit.ts'
import { collectPatiently } from './engine/patient-gc.ts'

/** What the program can do, in the order of its usage text. */
const COMMANDS = [
  runCommand,
  submitCommand,
  demoCommand,
  startCommand,
  serveCommand,
  doctorCommand,
  environmentCommand,
  completionCommand,
  bundleInfoCommand,
  bundleVerifyCommand,
  bundlePullCommand,
]

// ONNX Runtime reports to its makers otherwise; it reads this when it is loaded, here and in engines.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1'

collectPatiently()

// Who reads the output may go away (a log shipper that restarts, `| head`), and jobs go on without it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.exitCode = await executeCommandLine(
  process.argv.slice(2),
  COMMANDS,
  process.env,
  processOutput(),
)
