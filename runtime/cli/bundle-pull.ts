import { PullError } from '../bundle-pull/pull-error.ts'
import type { PullEvent } from '../bundle-pull/pull-events.ts'
import { pullNamed, type PullCall, type PullRequest } from '../bundle-pull/pull-named.ts'
import type { Config } from '../config/config.ts'
import { EXIT_CODES } from './exit-codes.ts'
import { onInterrupt } from './interrupt.ts'
import type { TextOutput } from './output.ts'
import { createPullPrinter } from './pull-output.ts'

interface Terminal extends TextOutput {
  isTTY: boolean
  columns: number | undefined
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
      const was = present ? 'is there' : 'is made'
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
