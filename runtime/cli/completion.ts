import type { Command } from './command.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** A script that makes the shell complete commands, options and, behind an option that takes a value, files. */
export function formatCompletion(shell: Shell, commands: readonly Command[]): string {
  const all = [...commands, HELP]
  return { bash: formatBash, zsh: formatZsh, fish: formatFish }[shell](all)
}

type Described = Pick<Command, 'name' | 'summary' | 'options'>
const HELP: Described = { name: 'help', summary: 'the options of a command', options: {} }

/** The first words, and behind each the second ones. */
function families(commands: readonly Described[]): Map<string, Described[]> {
  return Map.groupBy(commands, ({ name }) => name.split(' ')[0]!)
}
const actionOf = ({ name }: Described): string | undefined => name.split(' ')[1]
const optionsOf = ({ options }: Described) =>
  Object.entries(options).map(([name, { type, help }]) => ({
    name,
    help,
    takes: type === 'string',
  }))

function formatBash(commands: readonly Described[]): string {
  const valued = new Set(
    commands
      .flatMap((command) => optionsOf(command).filter(({ takes }) => takes))
      .map(({ name }) => name),
  )
  const cases = [...families(commands)].flatMap(([first, family]) => [
    ...(actionOf(family[0]!) === undefined
      ? []
      : [`    "2 ${first} "*) words="${family.map(actionOf).join(' ')}" ;;`]),
    ...family.map((command) => {
      const options = optionsOf(command).map(({ name }) => `--${name}`)
      return `    *" ${command.name} "*) words="${[...options, '--help'].join(' ')}" ;;`
    }),
  ])
  return `# source <(musetalk-worker completion bash)
_musetalk_worker() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  case "$prev" in
    ${[...valued].map((name) => `--${name}`).join('|')})
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return ;;
  esac
  case "$COMP_CWORD \${COMP_WORDS[1]} \${COMP_WORDS[2]} " in
    "1 "*) words="${[...families(commands).keys()].join(' ')} --help --version" ;;
    "2 help "*) words="${[...families(commands).keys()].join(' ')}" ;;
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _musetalk_worker musetalk-worker
`
}

function formatZsh(commands: readonly Described[]): string {
  const choices = (rows: [string, string][]) =>
    rows.map(([word, help]) => quote(`${word.replaceAll(':', '\\:')}:${help}`)).join(' ')
  const firsts = [...families(commands)].map(
    ([first, family]): [string, string] =>
      [...[first, family.map(({ summary }) => summary).join('; ')]] as [string, string],
  )
  const cases = [...families(commands)].flatMap(([first, family]) => [
    ...(actionOf(family[0]!) === undefined
      ? []
      : [
          `    '3 ${first} '*) choices=(${choices(
            family.map((command) => [actionOf(command)!, command.summary]),
          )}); _describe command choices; return ;;`,
        ]),
    ...family.map((command) => {
      const rows = optionsOf(command).map(({ name, help }): [string, string] => [`--${name}`, help])
      return `    *' ${command.name} '*) choices=(${choices([...rows, ['--help', 'what they mean']])}) ;;`
    }),
  ])
  return `#compdef musetalk-worker
# source <(musetalk-worker completion zsh)
_musetalk_worker() {
  local -a choices
  if (( CURRENT == 2 )) || [[ $CURRENT == 3 && $words[2] == help ]]; then
    choices=(${choices(firsts)})
    _describe command choices
    return
  fi
  case "$CURRENT $words[2] $words[3] " in
${cases.join('\n')}
  esac
  [[ $words[CURRENT] == -* ]] && _describe -o option choices || _files
}
compdef _musetalk_worker musetalk-worker
`
}

function formatFish(commands: readonly Described[]): string {
  const seen = (name: string) =>
    name
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ')
  const lines = [...families(commands)].flatMap(([first, family]) => [
    `complete -c musetalk-worker -f -n __fish_use_subcommand -a ${first} -d ${quote(family[0]!.summary)}`,
    ...family.flatMap((command) => [
      ...(actionOf(command) === undefined
        ? []
        : [
            `complete -c musetalk-worker -f -n ${quote(seen(first))} -a ${actionOf(command)!} -d ${quote(command.summary)}`,
          ]),
      ...optionsOf(command).map(
        ({ name, help, takes }) =>
          `complete -c musetalk-worker -n ${quote(seen(command.name))} -l ${name} ${takes ? '-r -F ' : ''}-d ${quote(help)}`,
      ),
    ]),
  ])
  return `# musetalk-worker completion fish | source\n${lines.join('\n')}\n`
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
