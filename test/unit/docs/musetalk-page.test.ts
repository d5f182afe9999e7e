import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readOfficialFiles } from '../../../runtime/bundle-pull/official-files.ts'

const root = resolve(import.meta.dirname, '../../..')
const page = await readFile(`${root}/docs/musetalk.md`, 'utf8')

test('the page about MuseTalk has a row for each official file, as the program knows it', async () => {
  const rows = page.split('\n').filter((line) => / \| `[0-9a-f]{64}` \| /.test(line))
  const { slots } = await readOfficialFiles(`${root}/models/musetalk-v1.5`)
  const wanted = slots.flatMap(({ license, files }) =>
    files.map(({ path, bytes, sha256, sources: [source] }) => {
      const from = source && 'repository' in source ? source : undefined
      const at = `\`${from?.repository}\` @ \`${from?.revision.slice(0, 12)}\``
      return [`\`${path}\``, bytes.toLocaleString('en'), `\`${sha256}\``, at, license]
    }),
  )
  expect(rows.length).toBe(wanted.length)
  for (const [i, cells] of wanted.entries()) {
    for (const cell of cells) expect(rows[i], cells[0]).toContain(cell)
  }
})

test('the page about MuseTalk has every code that a pull may end with, and its exit status', async () => {
  const source = await readFile(`${root}/runtime/bundle-pull/pull-error.ts`, 'utf8')
  const { EXIT_CODES } = await import('../../../runtime/cli/exit-codes.ts')
  const codes = [...source.matchAll(/^ {2}([A-Z_]+): \['(\w+)', (?:true|false)\],$/gm)]
  expect(codes.length).toBeGreaterThan(8)
  for (const [, code, fault] of codes) {
    expect(page).toContain(`| \`${code}\` | ${EXIT_CODES[fault as keyof typeof EXIT_CODES]} |`)
  }
})
