import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { Command } from '../../../runtime/cli/command.ts'
import { parseCommandLine } from '../../../runtime/cli/parse-command-line.ts'

const FOLDER = fileURLToPath(new URL('../../../runtime/cli/commands/', import.meta.url))
const modules = await Promise.all(
  globSync('*.ts', { cwd: FOLDER }).map(
    (file) => import(`${FOLDER}${file}`) as Promise<Record<string, unknown>>,
  ),
)
const commands = modules.flatMap((module) =>
  Object.entries(module)
    .filter(([name]) => name.endsWith('Command'))
    .map(([, command]) => command as Command)
    .filter(({ options }) => options !== undefined),
)

test('there are as many as the program has', () => {
  expect(new Set(commands.map(({ name }) => name))).toEqual(
    new Set([
      ...['run', 'submit', 'demo', 'start', 'serve', 'doctor', 'environment', 'completion'],
      ...['bundle info', 'bundle verify', 'bundle pull'],
    ]),
  )
})

test('an option of one name takes a value with every command or with none', () => {
  const types = new Map<string, string>()
  for (const { options } of commands) {
    for (const [name, { type }] of Object.entries(options)) {
      expect(type, name).toBe(types.get(name) ?? type)
      types.set(name, type)
    }
  }
})

describe.each(commands)('$name', (command) => {
  test('has an example that can be typed', () => {
    const parsed = parseCommandLine(command.example.split(' '), commands)
    expect(parsed).toMatchObject({ action: 'run', command: { name: command.name } })
  })

  test('shows a value in the help of each option that takes one', () => {
    for (const [name, { type, value }] of Object.entries(command.options)) {
      expect(value !== undefined, name).toBe(type === 'string')
    }
  })
})
