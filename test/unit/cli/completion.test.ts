import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { defineCommand } from '../../../runtime/cli/command.ts'
import { completionCommand } from '../../../runtime/cli/commands/completion.ts'
import { formatCompletion, SHELLS } from '../../../runtime/cli/completion.ts'

const run = async () => 0
const text = { summary: "what it does: it's fine", usage: [], example: '' }
const COMMANDS = [
  defineCommand({
    ...{ ...text, name: 'run', run },
    options: {
      video: { type: 'string', value: 'FILE', help: 'the video' },
      json: { type: 'boolean', help: "the answer's JSON" },
    },
  }),
  defineCommand({ ...text, name: 'bundle info', options: {}, run }),
  defineCommand({
    ...{ ...text, name: 'bundle pull', run },
    options: { from: { type: 'string', value: 'DIR', help: 'files that are here' } },
  }),
]

describe('bash', () => {
  const complete = (...words: string[]) =>
    execFileSync(
      'bash',
      [
        '--norc',
        '-c',
        `eval "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _musetalk_worker; printf '%s\\n' "\${COMPREPLY[@]}"`,
        '-',
        'musetalk-worker',
        ...words,
      ],
      {
        env: { PATH: process.env['PATH'], SCRIPT: formatCompletion('bash', COMMANDS) },
        cwd: import.meta.dirname,
        encoding: 'utf8',
      },
    )
      .trim()
      .split('\n')

  test.each([
    [[''], ['run', 'bundle', 'help', '--help', '--version']],
    [['b'], ['bundle']],
    [
      ['bundle', ''],
      ['info', 'pull'],
    ],
    [
      ['run', '--'],
      ['--video', '--json', '--help'],
    ],
    [['bundle', 'pull', '--f'], ['--from']],
    [['help', 'r'], ['run']],
    [['run', '--video', 'comp'], ['completion.test.ts']],
  ])('%j has %j', (typed, expected) => expect(complete(...typed)).toEqual(expected))
})

describe.each(SHELLS)('%s', (shell) => {
  const missing = spawnSync(shell, ['-c', 'true']).error !== undefined
  test.skipIf(missing)('takes the script', () => {
    const { status, stderr } = spawnSync(shell, ['-n', '-c', formatCompletion(shell, COMMANDS)], {
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([0, ''])
  })
})

test('another shell is named, with what was meant', () => {
  const call = { values: {}, positionals: ['fihs'], commands: COMMANDS } as never
  expect(() => completionCommand.run(call)).toThrow('did you mean fish?')
})
