import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { short, type Row } from '../helpers/media/fidelity-metrics.ts'

/**
 * Run the parity tests and put what they measured into docs/fidelity.md, between its two marks.
 * PARITY_BUNDLE, PARITY_PYTHON and SHARED_DIR as for the tests.
 */
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PAGE = join(ROOT, 'docs/fidelity.md')
const [START, END] = ['<!-- measured -->', '<!-- end -->']

async function main(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'fidelity-'))
  try {
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
    const env = { ...process.env, FIDELITY_ROWS: folder }
    const args = [vitest, 'run', 'test/parity']
    const tests = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' })
    const [status] = (await once(tests, 'close')) as [number | null]
    if (status !== 0) return 1
    const rows = await readRows(folder)
    if (rows.length === 0) throw new Error('nothing was measured: is PARITY_BUNDLE set?')
    const page = await readFile(PAGE, 'utf8')
    const [before, rest] = page.split(START)
    const after = rest!.split(END)[1]
    await writeFile(PAGE, `${before}${START}\n\n${tables(rows)}\n${END}${after}`)
    return 0
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function readRows(folder: string): Promise<Row[]> {
  const texts = await Promise.all(
    (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')),
  )
  const lines = texts.flatMap((text) => text.trim().split('\n'))
  const rows = lines.map((line) => JSON.parse(line) as Row)
  const order = ({ check, what }: Row) => `${check.padStart(8, '0')} ${what}`
  return rows.toSorted(
    (a, b) =>
      Number.parseInt(a.check) - Number.parseInt(b.check) || order(a).localeCompare(order(b)),
  )
}

function tables(rows: Row[]): string {
  const cells = ({ check, what, figure, found, limit, golden }: Row) => [
    check,
    what,
    figure,
    short(found),
    short(limit),
    golden === undefined ? '' : short(golden),
  ]
  const table = (head: string[], body: Row[]) => {
    const lines = [head, head.map(() => '---'), ...body.map(cells)]
    return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
  }
  const usual = table(
    ['check', 'what is compared', 'figure', 'found', 'limit', 'golden'],
    rows.filter(({ control }) => !control),
  )
  const mistakes = table(
    ['check', 'mistake made on purpose', 'figure', 'found', 'must exceed', 'golden'],
    rows.filter(({ control }) => control),
  )
  return `${usual}\n\n${mistakes}\n`
}

process.exitCode = await main()
