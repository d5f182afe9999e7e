import { describe, expect, test } from 'vitest'
import { PullError } from '../../../runtime/bundle-pull/pull-error.ts'
import { defineCommand, type Command } from '../../../runtime/cli/command.ts'
import { executeCommandLine } from '../../../runtime/cli/execute.ts'

const command = (name: string, run: Command['run']) =>
  defineCommand({
    ...{
      name,
      run,
      summary: `does ${name}`,
      usage: [`${name} --fps N`],
      example: `${name} --fps 5`,
    },
    options: {
      fps: { type: 'string', value: 'N', help: 'frames' },
      json: { type: 'boolean', help: 'as JSON' },
    },
  })

const COMMANDS = [
  command('run', async ({ values, output }) => {
    output.out(JSON.stringify(values))
    return 3
  }),
  command('serve', async ({ config }) => config().CONCURRENCY),
  command('fail', async () => {
    throw new Error('the disk is away')
  }),
]

async function execute(line: string, env: NodeJS.ProcessEnv = {}) {
  let [out, err] = ['', '']
  const output = {
    ...{ isTTY: false, columns: undefined },
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
  }
  const status = await executeCommandLine(line.split(' ').filter(Boolean), COMMANDS, env, output)
  return { status, out, err }
}

describe('the command line', () => {
  test('hands on values, environment and exit status', async () => {
    expect(await execute('run --fps 5')).toEqual({ status: 3, out: '{"fps":"5"}', err: '' })
    expect(await execute('serve', { CONCURRENCY: '7' })).toMatchObject({ status: 7 })
  })

  test('without a command tells on stderr what there is, with an example for each', async () => {
    const { status, out, err } = await execute('')
    expect({ status, out }).toEqual({ status: 2, out: '' })
    for (const { name, summary, example } of COMMANDS) {
      expect(err).toMatch(new RegExp(`^  ${name} +${summary}\\n +musetalk-worker ${example}$`, 'm'))
    }
    expect(err).toMatch(/exit status: 0 done, 1 .* 2 .* 3 .*\n +130 interrupted/)
  })

  test('asked for help answers on stdout', async () => {
    const usage = (await execute('')).err
    for (const line of ['help', '--help', '-h']) {
      expect(await execute(line)).toEqual({ status: 0, out: usage, err: '' })
    }
    const { status, out } = await execute('help run')
    expect(status).toBe(0)
    expect(out).toContain('musetalk-worker run: does run')
    expect(out).toMatch(/^ {2}--fps N +frames$/m)
    expect(await execute('run --help')).toEqual({ status, out, err: '' })
  })

  test('tells its version, as JSON too', async () => {
    const env = { GIT_REVISION: 'abc' }
    expect((await execute('--version', env)).out).toMatch(
      /^musetalk-worker \d+\.\d+\.\d+ \(abc\)\n$/,
    )
    expect(JSON.parse((await execute('--version --json', env)).out)).toEqual({
      ...{ version: expect.stringMatching(/^\d+\.\d+\.\d+/), revision: 'abc' },
    })
  })

  test('used wrongly says so with status 2', async () => {
    expect(await execute('runn')).toEqual({
      ...{ status: 2, out: '' },
      err: 'musetalk-worker: unknown command "runn"; did you mean run?\nsee: musetalk-worker help\n',
    })
  })

  test.each([
    ['runn --json', 'USAGE', 'unknown command "runn"; did you mean run?'],
    ['--json', 'USAGE', 'a command is missing'],
    ['serve --json', 'INVALID_ENVIRONMENT', expect.stringContaining('CONCURRENCY')],
    ['fail --json', 'BUG', 'the disk is away', 1],
  ])('"%s" fails as JSON on stdout', async (line, code, message, wanted = 2) => {
    const { status, out, err } = await execute(line, { CONCURRENCY: 'many' })
    expect({ status, err }).toEqual({ status: wanted, err: '' })
    expect(JSON.parse(out)).toEqual({ code, message, retryable: false })
  })

  test('a failed pull has the status of who must act', async () => {
    const run = async () => {
      throw new PullError('HUB_UNAVAILABLE', 'the hub is away')
    }
    const output = { isTTY: false, columns: undefined, out: () => {}, err: () => {} }
    expect(await executeCommandLine(['pull'], [command('pull', run)], {}, output)).toBe(3)
  })
})
