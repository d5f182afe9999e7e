import { describe, expect, test } from 'vitest'
import { defineCommand, UsageError, type Command } from '../../../runtime/cli/command.ts'
import { parseCommandLine } from '../../../runtime/cli/parse-command-line.ts'

const command = (name: string, options: Command['options'], positionals?: [number, number]) =>
  defineCommand({
    ...{ name, options, summary: 'does it', usage: [`${name} DIR`], example: name },
    ...(positionals && { positionals }),
    run: async () => 0,
  })
const text = { type: 'string', help: 'a text' } as const
const flag = { type: 'boolean', help: 'a flag' } as const

const COMMANDS = [
  command('run', { video: text, fps: text, json: flag }),
  command('serve', {}),
  command('bundle info', { json: flag }, [0, 1]),
  command('bundle pull', { from: text, json: flag }, [1, 1]),
]
const parse = (line: string) => parseCommandLine(line.split(' ').filter(Boolean), COMMANDS)

describe('a command line', () => {
  test.each([
    ['run --video a.mp4 --json', 'run', { video: 'a.mp4', json: true }, []],
    ['--json run --video=--odd', 'run', { video: '--odd', json: true }, []],
    ['bundle info', 'bundle info', {}, []],
    ['bundle info dir --json', 'bundle info', { json: true }, ['dir']],
    ['bundle --from here pull musetalk', 'bundle pull', { from: 'here' }, ['musetalk']],
    ['run --fps -1', 'run', { fps: '-1' }, []],
  ])('%s', (line, name, values, positionals) => {
    const parsed = parse(line)
    expect(parsed).toMatchObject({ action: 'run', command: { name }, values, positionals })
  })

  test.each([
    ['', { action: 'usage' }],
    ['help', { action: 'help', commands: [] }],
    ['-h', { action: 'help', commands: [] }],
    ['--version', { action: 'version' }],
    ['run --version', { action: 'version' }],
    ['help run', { action: 'help', commands: [COMMANDS[0]] }],
    ['run --help', { action: 'help', commands: [COMMANDS[0]] }],
    ['bundle pull -h', { action: 'help', commands: [COMMANDS[3]] }],
    ['bundle --help', { action: 'help', commands: [COMMANDS[2], COMMANDS[3]] }],
    ['help bundle info', { action: 'help', commands: [COMMANDS[2]] }],
  ])('"%s" asks for help or version', (line, expected) => {
    expect(parse(line)).toEqual(expected)
  })

  test.each([
    ['bundle info --fps 3', '"--fps" is no option of bundle info, but of run'],
    ['run --vidoe a.mp4', 'unknown option "--vidoe"; did you mean --video?'],
    ['run --vid a.mp4', 'unknown option "--vid"; did you mean --video?'],
    ['run --color red', 'unknown option "--color"'],
    ['serve -x', 'unknown option "-x"'],
    ['sreve', 'unknown command "sreve"; did you mean serve?'],
    ['info', 'unknown command "info"; did you mean bundle info?'],
    ['render', 'unknown command "render"'],
    ['help srve', 'unknown command "srve"; did you mean serve?'],
    ['bundle', 'bundle needs info or pull'],
    ['bundle inof', 'bundle needs info or pull, not "inof"; did you mean info?'],
    ['bundle info a b', 'unexpected argument "b" of bundle info'],
    ['bundle pull', 'an argument is missing: bundle pull DIR'],
    ['serve now', 'unexpected argument "now" of serve'],
    ['run --video', '--video needs a value'],
    ['run --video --json', '--video needs a value'],
    ['run --json=yes', '--json takes no value'],
  ])('"%s" is wrong: %s', (line, message) => {
    expect(() => parse(line)).toThrow(new UsageError(message))
  })
})
