import * as v from 'valibot'
import { Env, type EnvironmentVariable } from './config.ts'
import { FALLBACKS, MEANINGS } from './variable-meanings.ts'

export interface VariableReference {
  name: EnvironmentVariable
  /** What holds when it is not set, for people; '' where that is nothing. */
  fallback: string
  meaning: string
}
export interface EnvironmentGroup {
  title: string
  variables: VariableReference[]
}

/** Every variable that is read, in groups. */
export function describeEnvironment(): EnvironmentGroup[] {
  return Object.entries(MEANINGS).map(([title, meanings]) => ({
    title,
    variables: Object.entries(meanings).map(([name, meaning]) => {
      const variable = name as EnvironmentVariable
      return { name: variable, fallback: fallbackOf(variable), meaning }
    }),
  }))
}

function fallbackOf(name: EnvironmentVariable): string {
  return FALLBACKS[name] ?? v.getDefault(Env.entries[name]) ?? ''
}

/** docs/configuration.md: a table for each group. */
export function formatEnvironmentPage(groups: readonly EnvironmentGroup[]): string {
  const tables = groups.map(({ title, variables }) => {
    const rows = variables.map(
      ({ name, fallback, meaning }) => `| \`${name}\` | ${fallback} | ${meaning} |`,
    )
    return `## ${title}\n\n| name | default | |\n|---|---|---|\n${rows.join('\n')}\n`
  })
  return `# Configuration

The environment is read once; a missing or malformed variable stops the process with one message that names every problem.
\`musetalk-worker environment\` prints this list, \`.env.example\` is a file to start from. An empty value counts as unset.

${tables.join('\n')}`
}

/** .env.example: every variable with its default, in comments. */
export function formatEnvironmentFile(groups: readonly EnvironmentGroup[]): string {
  const parts = groups.map(({ title, variables }) => {
    const lines = variables.map(({ name, fallback, meaning }) => {
      const literal = /[`~<’ ]/.test(fallback) ? '' : fallback
      return `# ${meaning.replaceAll('`', '') || title}\n#${name}=${literal}\n`
    })
    return `## ${title}\n\n${lines.join('')}`
  })
  return `# Settings of musetalk-worker for \`docker run --env-file\` and compose: remove the # before a name to set it.
# docs/configuration.md says the same as a table.

${parts.join('\n')}`
}

/** For a terminal. */
export function formatEnvironmentList(groups: readonly EnvironmentGroup[]): string {
  const parts = groups.map(({ title, variables }) => {
    const lines = variables.flatMap(({ name, fallback, meaning }) => [
      `  ${name}${fallback === '' ? '' : ` (${fallback.replaceAll('`', '')})`}`,
      ...(meaning === '' ? [] : [`      ${meaning.replaceAll('`', '')}`]),
    ])
    return `${title}\n${lines.join('\n')}\n`
  })
  return parts.join('\n')
}
