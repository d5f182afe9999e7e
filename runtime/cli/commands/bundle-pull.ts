import { existsSync } from 'node:fs'
import { PullError } from '../../bundle-pull/pull-error.ts'
import type { PullEvent } from '../../bundle-pull/pull-events.ts'
import type { PullCall, PullRequest } from '../../bundle-pull/pull-named.ts'
import type { Config } from '../../config/config.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { onInterrupt } from '../interrupt.ts'
import { defineCommand, UsageError, type OptionValues } from '../command.ts'
import type { Terminal, TextOutput } from '../output.ts'
import { createPullPrinter } from '../pull-output.ts'

const OPTIONS = {
  out: {
    type: 'string',
    value: 'DIR',
    help: 'folder of the bundle (default: its name in BUNDLES_DIR)',
  },
  precision: {
    type: 'string',
    value: 'P',
    help: 'fp32 or fp16 (default: what suits this machine)',
  },
  cuda: { type: 'boolean', help: 'with a graph for CUDA (default where there is a card)' },
  from: {
    type: 'string',
    value: 'WHERE',
    help: 'folder or address of official files, looked at first',
  },
  'allow-unknown': { type: 'boolean', help: 'take other weights than the official ones' },
  keep: { type: 'boolean', help: 'leave the downloaded files in DIR.download' },
  json: { type: 'boolean', help: 'print events as JSON lines on stdout' },
} as const

export const bundlePullCommand = defineCommand({
  name: 'bundle pull',
  summary: 'make a bundle of its official files (docs/musetalk.md)',
  usage: ['bundle pull NAME [options]'],
  example: 'bundle pull musetalk-v1.5',
  positionals: [1, 1],
  options: OPTIONS,
  async run({ values, positionals: [name], config, output }) {
    const request = { name: name!, ...(await requestOf(values)) }
    return bundlePull(request, config(), values.json ?? false, output)
  },
})

async function requestOf(values: OptionValues<typeof OPTIONS>): Promise<Omit<PullRequest, 'name'>> {
  const { isAddress } = await import('../../bundle-pull/pull-from-config.ts')
  const { out, precision, cuda, from, keep = false } = values
  const known = (['fp32', 'fp16'] as const).find((one) => one === precision)
  if (from !== undefined && !isAddress(from) && !existsSync(from)) {
    throw new UsageError(`--from ${from}: there is no such folder`)
  }
  if (precision !== known) throw new UsageError(`--precision is fp32 or fp16, not "${precision}"`)
  return {
    variant: { ...(known && { precision: known }), ...(cuda !== undefined && { cuda }) },
    keep,
    ...(out !== undefined && { out }),
    ...(from !== undefined && { from }),
    ...(values['allow-unknown'] && { allowUnknown: true }),
  }
}

/**
 * `bundle pull`: fetch the official files of a bundle and make it of them. Ctrl-C keeps what has come.
 * @returns the exit status, by who must act
 */
export async function bundlePull(
  request: PullRequest,
  config: Config,
  json: boolean,
  output: Terminal,
  call: Pick<PullCall, 'open'> = {},
): Promise<number> {
  const { pullNamed } = await import('../../bundle-pull/pull-named.ts')
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const print = json ? jsonLines(output) : printer(output)
  try {
    const { id, manifest, directory, present } = await pullNamed(config, request, {
      ...{ ...call, signal, onEvent: print },
    })
    const { name, version, precision } = manifest
    if (json)
      output.out(
        `${JSON.stringify({ type: 'done', name, version, precision, id, directory, present })}\n`,
      )
    else {
      const was = present ? 'is there (remove the folder to make it anew)' : 'is made'
      output.err(
        `${name} ${version} (${id}), ${precision}, ${was}: MODEL_BUNDLE=${request.out === undefined ? name : directory}\n`,
      )
      output.out(`${directory}\n`)
    }
    return 0
  } catch (error) {
    if (!(error instanceof PullError)) throw error
    const { code, message, retryable, fault } = error
    if (json) output.out(`${JSON.stringify({ type: 'failed', code, message, retryable })}\n`)
    else output.err(`${code}: ${message}\n`)
    return EXIT_CODES[fault]
  }
}

const jsonLines =
  ({ out }: TextOutput) =>
  (event: PullEvent) =>
    out(`${JSON.stringify(event)}\n`)

const printer = ({ err, isTTY, columns }: Terminal) =>
  createPullPrinter({ write: err, isTTY, ...(columns !== undefined && { columns }) })
