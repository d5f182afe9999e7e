import type { Command } from './command.ts'

const PROGRAM = 'musetalk-worker'

/** What the program can do, with an example for each command. */
export function formatUsage(commands: readonly Command[]): string {
  const rows: [string, string][] = [
    ...commands.flatMap(({ name, summary, example }): [string, string][] => [
      [name, summary],
      ['', `${PROGRAM} ${example}`],
    ]),
    ['help COMMAND', 'the options of a command; COMMAND --help does the same'],
    ['--version', 'the version of this program'],
  ]
  return `${PROGRAM}: a face video and a speech recording in, a talking video out

${formatRows(rows)}

  exit status: 0 done, 1 this machine failed, 2 bad usage, job or media, 3 another server failed,
  130 interrupted
`
}

/** How one command is called, and what its options mean. */
export function formatCommandUsage({ name, summary, usage, example, options }: Command): string {
  const rows = Object.entries(options).map(([option, { value, help }]): [string, string] => [
    `--${option}${value === undefined ? '' : ` ${value}`}`,
    help,
  ])
  const parts = [
    `${PROGRAM} ${name}: ${summary}`,
    usage.map((line) => `  ${PROGRAM} ${line}`).join('\n'),
    ...(rows.length > 0 ? [formatRows(rows)] : []),
    `  example: ${PROGRAM} ${example}`,
  ]
  return `${parts.join('\n\n')}\n`
}

function formatRows(rows: readonly [string, string][]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`).join('\n')
}
