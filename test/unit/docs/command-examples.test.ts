import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Command } from '../../../runtime/cli/command.ts'
import { describeEnvironment } from '../../../runtime/config/environment-reference.ts'
import { parseCommandLine } from '../../../runtime/cli/parse-command-line.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'demo/SOURCES.md',
  'llms.txt',
  ...globSync('docs/**/*.md', { cwd: root }),
]

const modules = await Promise.all(
  globSync('runtime/cli/commands/*.ts', { cwd: root }).map(
    (file) => import(join(root, file)) as Promise<Record<string, unknown>>,
  ),
)
const commands = modules
  .flatMap((module) => Object.values(module) as Command[])
  .filter((one) => typeof one?.run === 'function')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

interface Block {
  language: string
  code: string
}
const blocks = (page: string): Block[] =>
  [...read(page).matchAll(/^```(\w*)\n([^]*?)^```/gm)].map(([, language, code]) => ({
    language: language!,
    code: code!,
  }))

/** The commands of a block for a shell: without comments, one for each line and each part of a chain. */
const commandsOf = (code: string): string[] =>
  code
    .replaceAll('\\\n', ' ')
    .split(/\n|&&/)
    .map((line) =>
      line
        .replace(/(^|\s)# .*$/, '')
        .replace(/(^|\s)#$/, '')
        .trim(),
    )
    .filter((line) => line !== '')

/** Variables of the worker, of tests and benches, of builds, and of programs that it uses. */
const VARIABLES = new Set([
  ...['NODE_OPTIONS', 'ONNXRUNTIME_NODE_INSTALL'],
  ...describeEnvironment().flatMap(({ variables }) => variables.map(({ name }) => name)),
  ...globSync(['bench/**/*.ts', 'test/**/*.ts', 'docker/*', 'Dockerfile', '.npmrc', '.ci/*'], {
    cwd: root,
  }).flatMap((file) => read(file).match(/\b[A-Z][A-Z0-9_]{3,}\b/g) ?? []),
])
/** Those that a line sets: before a command, or for a container. */
const setBy = (line: string) =>
  [...line.matchAll(/(?:^|[\s',])(?:-e )?([A-Z][A-Z0-9_]+)=/g)].map(([, name]) => name!)
const without = (line: string) =>
  line.replace(/^(?:export )?(?:\w+=(?!\$\()\S* )+/, '').replace(/ [&|>].*$/, '')
const isThere = (path: string) => expect(existsSync(join(root, path)), path).toBe(true)

/** A call of the program must be one that it takes. */
function takesCall(line: string): void {
  const words = line
    .replace(/^\S+/, '')
    .replaceAll(/[[\]]/g, '')
    .replaceAll(/(\w)\|\S+/g, '$1')
  const { action } = parseCommandLine(words.trim().split(/\s+/).filter(Boolean), commands)
  expect(action, line).not.toBe('usage')
}

/** What a command has a container call, where that is the program. */
const takesCallInside = (line: string): void => {
  const [call] = / musetalk-worker [a-z].*$/.exec(line) ?? []
  if (call) takesCall(call.trim())
}

/** What is looked at of a command, by its first word. What is not run says why. */
const RULES: [RegExp, (line: string) => void][] = [
  [/^(?:bin\/musetalk-worker\.mjs|musetalk-worker)(?: |$)/, takesCall],
  [/^npm test/, () => expect(scripts['test']).toBeDefined()],
  [/^npm run /, (line) => expect(scripts, line).toHaveProperty([/^npm run (\S+)/.exec(line)![1]!])],
  // Run by test/integration/http/client.test.ts.
  [/^curl .*localhost:8000/, () => {}],
  // Images are built and run by .ci/long, which needs Docker and minutes.
  [
    /^docker build /,
    (line) => {
      for (const [, name] of line.matchAll(/--build-arg (\w+)=/g))
        expect(read('Dockerfile')).toMatch(`ARG ${name}`)
    },
  ],
  [
    /^docker compose /,
    (line) => {
      for (const [, file] of line.matchAll(/-f (\S+\/\S+)/g)) isThere(file!)
      takesCallInside(line)
    },
  ],
  [/^docker (run|stop|push|exec) /, takesCallInside],
  [/^cp (deploy\/|\.env)/, (line) => isThere(line.split(' ')[1]!)],
  // The reference needs Python with PyTorch: .ci/parity runs these.
  [
    /^(at=|PARITY_BUNDLE=|python3\.11 |\$PARITY_PYTHON |-m |test\/golden|node_modules\/\.bin\/node )/,
    (line) => {
      for (const [file] of line.matchAll(/(?:test|models)\/\S+\.(?:py|ts|txt)/g)) isThere(file)
    },
  ],
  // These need an account or a cluster; the files that they name are validated by .ci/long.
  [
    /^kubectl /,
    (line) => {
      for (const [, file] of line.matchAll(/-f (deploy\S+)/g)) isThere(file!)
      takesCallInside(line)
    },
  ],
  // What stands behind --args is no option any more. Vast's command line was given both calls.
  [/^vastai /, (line) => expect(line).not.toMatch(/ --args .*-/)],
  [
    /^pip install vastai$|^curl (-H "Authorization: Bearer \$\(gcloud |https:\/\/api\.salad\.com\/)/,
    () => {},
  ],
  [/^(gcloud|printf) |^curl (https:\/\/\S+\.runpod\.ai|\$at)\//, () => {}],
  [/^git clone |^git pull$|^cd musetalk-worker$/, () => {}],
  // test/integration/job/npm-package.test.ts packs and installs.
  [
    /^npm (pack|install) /,
    (line) => expect(line).toMatch(/ --ignore-scripts=false$| musetalk-worker$/),
  ],
  // The unit was run by systemd 252; only a machine that it has started has these.
  [
    /^(systemctl|journalctl) /,
    (line) => {
      const [, unit] = / (musetalk-worker)(?: -f)?$/.exec(line) ?? []
      expect(read('docs/deploy/desk.md')).toContain(`/etc/systemd/system/${unit}.service`)
    },
  ],
]

const takesCommand = (whole: string) => {
  expect(setBy(whole).filter((name) => !VARIABLES.has(name))).toEqual([])
  const line = without(whole)
  const rule = RULES.find(([start]) => start.test(line))
  expect(rule, `nothing looks at: ${line}`).toBeDefined()
  rule![1](line)
}

/** Commands in sentences and tables, and those that are code by their indentation. */
const outside = (page: string) => read(page).replaceAll(/^```[^]*?^```/gm, '')
const spansOf = (page: string) =>
  [...outside(page).matchAll(/(?<!`)`([^`\n]+ [^`\n]+)`/g)].map(([, code]) => code!)
const indented = (page: string) =>
  [...outside(page).matchAll(/^ {4}(?![-*|\d] )(\S.*)$/gm)].map(([, code]) => code!)
const PROGRAM =
  /^(?:\S*musetalk-worker(?:\.mjs)?|npm|node_modules\S*|docker|curl|kubectl|git|cp|vastai|gcloud|pip|systemctl|journalctl) [a-z-]/

describe.each(pages)('%s', (page) => {
  test('has commands that can be typed', () => {
    const shell = blocks(page).filter(
      ({ language, code }) => /^(sh|bash|)$/.test(language) && !isDrawing(code),
    )
    for (const line of shell.flatMap(({ code }) => commandsOf(code)).map(without))
      takesCommand(line)
    for (const line of [...spansOf(page), ...indented(page)].flatMap(commandsOf))
      if (PROGRAM.test(without(line))) takesCommand(line)
  })

  test('has JSON that is JSON', () => {
    for (const { language, code } of blocks(page)) if (language === 'json') JSON.parse(code)
  })
})

/** Boxes, arrows and folders are for eyes only. */
const isDrawing = (code: string): boolean =>
  /[│└→]/.test(code.replaceAll(/#.*$/gm, '')) &&
  !commandsOf(code).some((line) => PROGRAM.test(line))
