import { parseArgs } from 'node:util'
import { UsageError, type Command, type CommandCall } from './command.ts'
import { nearestWord } from './nearest-word.ts'

type ParsedCommandLine =
  | { action: 'usage' }
  | { action: 'version' }
  | { action: 'help'; commands: Command[] }
  | { action: 'run'; command: Command; values: CommandCall['values']; positionals: string[] }

const FLAGS = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } } as const

/**
 * What the program is told to do. Options may stand anywhere; each belongs to its commands.
 * @throws UsageError with the nearest right word for one that is not known
 */
export function parseCommandLine(
  argv: readonly string[],
  commands: readonly Command[],
): ParsedCommandLine {
  const options = { ...Object.assign({}, ...commands.map((command) => command.options)), ...FLAGS }
  const args = [...argv]
  const loose = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true })
  const given = loose.tokens.filter((token) => token.kind === 'option')
  for (const { name, rawName } of given) {
    if (!Object.hasOwn(options, name)) {
      const nearest = nearestWord(name, Object.keys(options))
      throw new UsageError(`unknown option "${rawName}"${didYouMean(nearest && `--${nearest}`)}`)
    }
  }
  if (loose.values['version'] === true) return { action: 'version' }

  const words = loose.positionals
  const isHelp = words[0] === 'help' || loose.values['help'] === true
  const [first, ...more] = words[0] === 'help' ? words.slice(1) : words
  if (first === undefined) return isHelp ? { action: 'help', commands: [] } : { action: 'usage' }
  const family = commands.filter(({ name }) => name.split(' ')[0] === first)
  if (family.length === 0) throw unknownCommand(first, commands)
  const command = family.find(({ name }) => name === first || name === `${first} ${more[0]}`)
  if (isHelp) return { action: 'help', commands: command ? [command] : family }
  if (!command) throw unknownAction(first, more[0], family)

  for (const { name, rawName } of given) {
    if (!Object.hasOwn(command.options, name)) {
      const owners = commands.filter((other) => Object.hasOwn(other.options, name))
      const where = owners.map((owner) => owner.name).join(', ')
      throw new UsageError(`"${rawName}" is no option of ${command.name}, but of ${where}`)
    }
  }
  const positionals = words.slice(command.name.split(' ').length)
  assertPositionals(command, positionals)
  return { action: 'run', command, values: parseValues(args, command), positionals }
}

function unknownCommand(first: string, commands: readonly Command[]): UsageError {
  const action = commands.find(({ name }) => name.endsWith(` ${first}`))
  const names = new Set(['help', ...commands.map(({ name }) => name.split(' ')[0]!)])
  const meant = action?.name ?? nearestWord(first, names)
  return new UsageError(`unknown command "${first}"${didYouMean(meant)}`)
}

function unknownAction(first: string, action: string | undefined, family: Command[]): UsageError {
  const actions = family.map(({ name }) => name.split(' ')[1]!)
  const list = new Intl.ListFormat('en', { type: 'disjunction' }).format(actions)
  const nearest = action === undefined ? undefined : nearestWord(action, actions)
  const found = action === undefined ? '' : `, not "${action}"`
  return new UsageError(`${first} needs ${list}${found}${didYouMean(nearest)}`)
}

function assertPositionals(
  { name, usage, positionals: [min, max] = [0, 0] }: Command,
  given: string[],
) {
  if (given.length > max) throw new UsageError(`unexpected argument "${given[max]}" of ${name}`)
  if (given.length < min) throw new UsageError(`an argument is missing: ${usage[0]}`)
}

/** Every name is known here; what can still be wrong is a value that is missing or too much. */
function parseValues(args: string[], command: Command): CommandCall['values'] {
  const { options } = command
  const { tokens, values } = parseArgs({
    ...{ args, options, strict: false, allowPositionals: true, tokens: true },
  })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const needsValue = options[name]!.type === 'string'
    const isMissing = value === undefined || (!token.inlineValue && value.startsWith('--'))
    if (needsValue && isMissing) throw new UsageError(`${rawName} needs a value`)
    if (!needsValue && value !== undefined) throw new UsageError(`${rawName} takes no value`)
  }
  return { ...values } as CommandCall['values']
}

const didYouMean = (word: string | undefined): string =>
  word === undefined ? '' : `; did you mean ${word}?`
