import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../../..')

const execute = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  new Promise<{ status: unknown; stdout: string; stderr: string }>((done) => {
    const options = { env: { ...process.env, ...env } }
    const main = join(ROOT, 'runtime/main.ts')
    execFile(process.execPath, [main, ...args], options, (error, stdout, stderr) =>
      done({ status: error ? error.code : 0, stdout, stderr }),
    )
  })

test('the program tells its version and its usage', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const [told, helped] = await Promise.all([execute(['--version']), execute(['help', 'run'])])
  expect(told).toMatchObject({ status: 0, stderr: '' })
  expect(told.stdout).toContain(`musetalk-worker ${version}`)
  expect(helped).toMatchObject({ status: 0, stderr: '' })
  expect(helped.stdout).toContain('run --video FILE --audio FILE')
})

test('what it cannot do ends it with status 2 and the reason', async () => {
  const [misplaced, mistyped, unset] = await Promise.all([
    execute(['bundle', 'info', '--fps', '3']),
    execute(['serve', '--jsno', '--json']),
    execute(['serve'], { PORT: 'none' }),
  ])
  expect(misplaced).toMatchObject({ status: 2, stdout: '' })
  expect(misplaced.stderr).toContain('"--fps" is no option of bundle info, but of run')
  expect(mistyped).toMatchObject({ status: 2, stderr: '' })
  expect(JSON.parse(mistyped.stdout)).toMatchObject({ code: 'USAGE', retryable: false })
  expect(unset).toMatchObject({ status: 2, stdout: '' })
  expect(unset.stderr).toContain('PORT')
})
