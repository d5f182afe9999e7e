import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Command } from '../../../runtime/cli/command.ts'
import { executeCommandLine } from '../../../runtime/cli/execute.ts'
import { EXIT_CODES } from '../../../runtime/cli/exit-codes.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const section = read('docs/errors.md').split('## Exit status')[1]!
const [header, ...rows] = [...section.matchAll(/^\| (.*) \|$/gm)].map(([, row]) =>
  row!.split('|').map((cell) => cell.trim()),
)
const cells = new Map(rows.map(([name, ...rest]) => [name!.replaceAll('`', ''), rest]))

const modules = await Promise.all(
  globSync('runtime/cli/commands/*.ts', { cwd: root }).map(async (file) => ({
    source: read(file),
    exports: Object.values((await import(join(root, file))) as Record<string, unknown>),
  })),
)
const commands = modules.flatMap(({ source, exports }) =>
  (exports as Command[])
    .filter((one) => typeof one?.run === 'function')
    .map((command) => ({ name: command.name, command, source })),
)

test('the table has every command, and a column for each status', () => {
  expect(header!.slice(1).map(Number)).toEqual([0, ...Object.values(EXIT_CODES).toSorted(byValue)])
  expect(new Set(cells.keys())).toEqual(new Set(commands.map(({ name }) => name)))
})

describe.each(commands)('$name', ({ name, command, source }) => {
  const [done, worker, caller, , nobody] = cells.get(name)!

  test('has words for what it can end with', () => {
    expect(done).not.toBe('')
    expect(caller).toContain(/^(start|serve)$/.test(name) ? '' : 'bad usage')
    const tellsFault = /EXIT_CODES\[\w+(\.\w+)?\]/.test(source)
    expect(nobody !== '', 'whoever tells of faults can be interrupted').toBe(tellsFault)
    const canFail = tellsFault || /return 1\b|doctor\(|startWorker\(/.test(source)
    expect(worker !== '').toBe(canFail)
  })

  test('ends with 2 when it is used wrongly', async () => {
    const output = { isTTY: false, columns: undefined, out: () => {}, err: () => {} }
    const argv = [...name.split(' '), '--no-such-option']
    expect(await executeCommandLine(argv, [command], {}, output)).toBe(EXIT_CODES.caller)
  })
})

function byValue(a: number, b: number): number {
  return a - b
}
