import { JobError } from '../../handler/errors.ts'
import { PullError } from '../bundle-pull/pull-error.ts'
import { readConfig } from '../config/config.ts'
import { readBuildInfo } from '../config/identity.ts'
import { UsageError, type Command } from './command.ts'
import { EXIT_CODES } from './exit-codes.ts'
import type { Terminal } from './output.ts'
import { parseCommandLine } from './parse-command-line.ts'
import { formatCommandUsage, formatUsage } from './usage.ts'

/**
 * Does what a command line says.
 * @param argv without the program
 * @returns the exit status; what fails is written to `output`
 */
export async function executeCommandLine(
  argv: readonly string[],
  commands: readonly Command[],
  env: NodeJS.ProcessEnv,
  output: Terminal,
): Promise<number> {
  const json = argv.includes('--json')
  try {
    const parsed = parseCommandLine(argv, commands)
    switch (parsed.action) {
      case 'usage':
        if (json) throw new UsageError('a command is missing')
        output.err(formatUsage(commands))
        return EXIT_CODES.caller
      case 'help':
        output.out(
          parsed.commands.length > 0
            ? parsed.commands.map(formatCommandUsage).join('\n')
            : formatUsage(commands),
        )
        return 0
      case 'version':
        output.out(await formatVersion(env, json))
        return 0
      case 'run': {
        const { command, values, positionals } = parsed
        const config = () => configOf(env)
        return await command.run({ values, positionals, output, commands, config })
      }
    }
  } catch (error) {
    writeError(error, json, output)
    return EXIT_CODES[faultOf(error)]
  }
}

/** What nobody foresaw (a port that is taken, a bug) is this machine's. */
function faultOf(error: unknown): keyof typeof EXIT_CODES {
  if (error instanceof PullError || error instanceof JobError) return error.fault
  return error instanceof UsageError ? 'caller' : 'worker'
}

function configOf(env: NodeJS.ProcessEnv) {
  try {
    return readConfig(env)
  } catch (error) {
    throw new UsageError((error as Error).message, 'INVALID_ENVIRONMENT')
  }
}

async function formatVersion(env: NodeJS.ProcessEnv, json: boolean): Promise<string> {
  const { version, revision } = await readBuildInfo(env['GIT_REVISION'])
  if (json) return `${JSON.stringify({ version, revision })}\n`
  return `musetalk-worker ${version}${revision === null ? '' : ` (${revision})`}\n`
}

/** With --json as the JSON that a failed command prints. */
function writeError(error: unknown, json: boolean, output: Terminal): void {
  const message = error instanceof Error ? error.message : String(error)
  if (json) output.out(`${JSON.stringify(payloadOf(error, message))}\n`)
  else output.err(`musetalk-worker: ${message}\n`)
  const isUsage = error instanceof UsageError && error.code === 'USAGE'
  if (!json && isUsage) output.err('see: musetalk-worker help\n')
}

function payloadOf(error: unknown, message: string) {
  if (error instanceof UsageError) return { code: error.code, message, retryable: false }
  if (error instanceof PullError || error instanceof JobError) {
    return { code: error.code, message, retryable: error.retryable }
  }
  return { code: 'BUG', message, retryable: false }
}
