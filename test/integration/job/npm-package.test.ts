import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testFfmpeg } from '../../helpers/media/media.ts'
import { variant } from '../../helpers/shortlist.ts'
import { smallPortrait } from '../../helpers/media/portrait.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../../..')
const app = await mkdtemp(join(tmpdir(), 'musetalk-package-'))

afterAll(() => rm(app, { recursive: true, force: true }))

/** The packed tarball unpacked where npm would put it, its dependencies linked beside it. */
beforeAll(async () => {
  const pack = ['pack', '--ignore-scripts=false', '--json', '--pack-destination', app]
  const { stdout } = await run('npm', pack, { cwd: root })
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string }]
  const modules = join(app, 'node_modules')
  const target = join(modules, 'musetalk-worker')
  await mkdir(target, { recursive: true })
  await run('tar', ['-xzf', join(app, filename), '-C', target, '--strip-components=1'])
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies)) {
    await mkdir(join(modules, name, '..'), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
  await writeFile(join(app, 'package.json'), JSON.stringify({ type: 'module' }))
})

variant('the program of docs/library.md renders a job with the packed library', async () => {
  const ffmpeg = await testFfmpeg()
  const speech = ['-t', '0.4', '-i', join(root, 'demo/speech.wav'), join(app, 'speech.wav')]
  await run(ffmpeg.path, ['-v', 'error', ...speech])
  await rename(await smallPortrait(ffmpeg, join(app, 'face.png')), join(app, 'face.mp4'))
  const page = await readFile(join(root, 'docs/library.md'), 'utf8')
  const [, program] = /```ts\n([^]*?)```/.exec(page)!
  await writeFile(join(app, 'app.mjs'), program!)
  const { stdout } = await run(process.execPath, ['app.mjs'], { cwd: app, timeout: 300_000 })
  expect(stdout.trim().split('\n').at(-1)).toMatch(/^out\/[\w-]+\.mp4 10$/)
})

test('it exports what the library does, to import and to require alike', async () => {
  const program = `
    import { createRequire } from 'node:module'
    const required = createRequire(import.meta.url)('musetalk-worker')
    const library = await import('./node_modules/musetalk-worker/dist/runtime/library.js')
    const names = [await import('musetalk-worker'), required, library].map((each) => Object.keys(each).sort())
    console.log(JSON.stringify(names))`
  await writeFile(join(app, 'names.mjs'), program)
  const { stdout } = await run(process.execPath, ['names.mjs'], { cwd: app, timeout: 300_000 })
  const [imported, required, library] = JSON.parse(stdout) as [string[], string[], string[]]
  expect(imported).toEqual(expect.arrayContaining(['createLocalWorker', 's3Storage', 'ModelError']))
  expect(imported).toEqual(library)
  expect(required).toEqual(library)
})

test('an older Node is told what is needed, not what it cannot read', async () => {
  const older = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.0.0'}})`
  for (const [type, code] of [
    ['module', `await import('musetalk-worker')`],
    ['commonjs', `require('musetalk-worker')`],
  ]) {
    const args = ['--import', older, `--input-type=${type}`, '--eval', code!]
    const asked = run(process.execPath, args, { cwd: app, timeout: 300_000 })
    await expect(asked).rejects.toMatchObject({
      stderr: expect.stringContaining('needs Node 26 or newer; this is 20.0.0') as string,
    })
  }
})

test('its client comes without the rest', async () => {
  const program = `
    import { createClient } from 'musetalk-worker/client'
    if (!createClient('http://localhost').jobs.videoUrl('a').endsWith('/jobs/a/video')) throw new Error()
    const loaded = process.report.getReport().sharedObjects.filter((file) => /onnx|\\.node$/.test(file))
    if (loaded.length > 0) throw new Error(loaded.join())`
  await writeFile(join(app, 'client.mjs'), program)
  await run(process.execPath, ['client.mjs'], { cwd: app, timeout: 300_000 })
})

test('its command answers', async () => {
  const bin = join(app, 'node_modules/musetalk-worker/bin/musetalk-worker.mjs')
  const { stdout } = await run(process.execPath, [bin, '--help'], { cwd: app })
  expect(stdout).toContain('musetalk-worker run --video face.mp4')
})

test('its worker serves the pages and all they need', async () => {
  const bin = join(app, 'node_modules/musetalk-worker/bin/musetalk-worker.mjs')
  const folders = Object.fromEntries(
    ['CACHE_DIR', 'OUTPUT_DIR', 'SCRATCH_DIR', 'STATE_DIR'].map((name) => [name, join(app, name)]),
  )
  const env = { ...process.env, ...folders, HOST: '127.0.0.1', PORT: '0', STORAGE: 'directory' }
  const worker = spawn(process.execPath, [bin, 'serve'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const closed = once(worker, 'close')
  try {
    const origin = `http://127.0.0.1:${await listeningPort(worker.stderr)}`
    for (const path of ['/', '/status', '/docs']) {
      const html = await (await fetch(origin + path)).text()
      const assets = html.match(/(?<=(src|href)=")\/assets\/[^"]+/g)!
      expect(assets.length).toBeGreaterThan(1)
      for (const asset of [
        ...assets,
        '/assets/app/inputs/camera.browser.js',
        '/assets/portrait.png',
      ])
        expect((await fetch(origin + asset)).status, asset).toBe(200)
    }
  } finally {
    worker.kill('SIGTERM')
    await closed
  }
})

async function listeningPort(log: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface(log)) {
    const { event, port } = JSON.parse(line) as { event: string; port: number }
    if (event === 'worker.listening') return port
  }
  throw new Error('the worker ended before it listened')
}
