import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bundleCommand } from '../../../runtime/cli/commands/bundle.ts'
import { LITE } from '../../../runtime/config/bundle-directory.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import { writeBundle } from '../../helpers/models/copy-of-lite.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'

let place: Folder
let bundle: string
beforeEach(async () => {
  place = await folder()
  bundle = place.file('bundle')
  await writeBundle(bundle)
})
afterEach(() => place[Symbol.asyncDispose]())

async function run(action: 'info' | 'verify', directory: string | undefined, json = false) {
  let [out, err] = ['', '']
  const output = { out: (text: string) => (out += text), err: (text: string) => (err += text) }
  const config = readConfig({ CACHE_DIR: place.file('cache'), DEVICE: 'cpu', MODEL_BUNDLE: bundle })
  const status = await bundleCommand(action, directory, config, json, output)
  return { status, out, err }
}

/** Change one byte, and nothing else that could be seen without reading all of it. */
async function damage(name: string) {
  const bytes = await readFile(join(bundle, name))
  bytes[bytes.length >> 1]! ^= 1
  await writeFile(join(bundle, name), bytes)
}

test('info tells what the embedded bundle is made of', async () => {
  const { status, out } = await run('info', LITE)
  expect(status).toBe(0)
  expect(out).toMatch(/^lite 1\.0\.0 \([0-9a-f]{12}\), fp32/)
  expect(out).not.toContain('warn:')
  expect(out).toMatch(/face +2\.8 MB +face\.onnx\n +Apache-2\.0; converted from MediaPipe/)
})

test('info as JSON holds names, sizes, licenses and origins', async () => {
  const { status, out } = await run('info', undefined, true)
  expect(status).toBe(0)
  const facts = JSON.parse(out)
  expect(facts).toMatchObject({ ok: true, name: 'means', directory: bundle, files: 4 })
  const generate = facts.graphs.find(({ name }: { name: string }) => name === 'generate')
  expect(generate).toMatchObject({ files: ['generate.onnx', 'generate.data'], origin: 'test' })
  expect(generate.bytes).toBeGreaterThan(18e6)
})

test('info says what cannot be done with a bundle that has no detector', async () => {
  expect((await run('info', bundle)).out).toContain(
    '\nwarn: no face detector: only jobs that bring',
  )
})

test('verify reads all of a bundle, although it was found good before', async () => {
  expect(await run('verify', undefined)).toMatchObject({ status: 0, err: '' })
  await damage('generate.data')
  const { status, out, err } = await run('verify', undefined)
  expect({ status, out }).toEqual({ status: 1, out: '' })
  expect(err).toMatch(/^fail: .*generate\.data is damaged.*pull the bundle/)
})

test('verify finds golden numbers that do not come out', async () => {
  const [entry] = (await writeBundle(bundle)).selfTest as { expect: { face: { at: number[][] } } }[]
  entry!.expect.face.at = [[3, 77]]
  await writeBundle(bundle, { selfTest: [entry] })
  const { status, out } = await run('verify', undefined, true)
  expect(status).toBe(1)
  expect(JSON.parse(out)).toMatchObject({ ok: false, directory: bundle })
  expect(JSON.parse(out).problem).toMatch(/self-test failed: graph "generate".*at 3 77/)
})

test('a folder that is no bundle is named', async () => {
  const { status, err } = await run('info', place.path)
  expect(status).toBe(1)
  expect(err).toContain('manifest.json is missing')
})

test('the command line hands on folder, answer and exit status', async () => {
  const main = fileURLToPath(new URL('../../../runtime/main.ts', import.meta.url))
  const command = (args: string[]) =>
    new Promise<{ status: unknown; stdout: string; stderr: string }>((resolve) => {
      const env = { ...process.env, CACHE_DIR: place.file('cache'), DEVICE: 'cpu' }
      execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) =>
        resolve({ status: error ? error.code : 0, stdout, stderr }),
      )
    })
  const good = await command(['bundle', 'verify', bundle, '--json'])
  expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, verified: { devices: ['cpu'] } })
  expect(good.status).toBe(0)
  await damage('encode.onnx')
  expect(await command(['bundle', 'verify', bundle])).toMatchObject({ status: 1, stdout: '' })
  const misused = await command(['bundle', 'burn', bundle])
  expect(misused).toMatchObject({ status: 2 })
  expect(misused.stderr).toContain('bundle needs info, verify, or pull')
})
