import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { folder, readVideo, testFfmpeg } from '../../helpers/media/media.ts'
import { smallPortrait } from '../../helpers/media/portrait.ts'
import { demo } from '../../helpers/servers/page.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'
import { variant } from '../../helpers/shortlist.ts'
import { bareEnvironment } from '../../helpers/children/bare-environment.ts'

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

test('run removes what a former run left when it was killed, and takes a job that begins with a mark', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'run-'))
  try {
    const left = join(dir, 'scratch', `${hostname()}-999999999-1`)
    await mkdir(left, { recursive: true })
    await writeFile(join(dir, 'job.json'), '\ufeff{"video":"/nowhere.mp4","audio":"/nowhere.wav"}')
    const env = { SCRATCH_DIR: join(dir, 'scratch'), CACHE_DIR: join(dir, 'cache') }
    const { status, stderr } = await execute(['run', '--job', join(dir, 'job.json')], env)
    expect(stderr).toContain('there is no file "/nowhere.mp4"')
    expect(status).toBe(2)
    expect(await readdir(join(dir, 'scratch'))).toEqual([])
    await writeFile(join(dir, 'a file'), '')
    const nowhere = { ...env, SCRATCH_DIR: join(dir, 'a file', 'scratch') }
    const refused = await execute(['run', '--job', join(dir, 'job.json')], nowhere)
    expect(refused.stderr).toContain('set SCRATCH_DIR to a folder that can be written')
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('run says where its video is, and how to look at it', async () => {
  await using dir = await folder()
  const env = { SCRATCH_DIR: dir.file('scratch'), CACHE_DIR: dir.file('cache') }
  await smallPortrait(await testFfmpeg(), dir.file('face.png'))
  const media = ['--video', dir.file('face.png'), '--audio', demo('speech.wav')]
  const out = dir.file('my talk.mp4')
  const call = ['run', ...media, '--speech', '0:0.5', '--out', out]
  const { status, stdout, stderr } = await execute(call, env)
  expect({ status, stdout }).toEqual({ status: 0, stdout: `${out}\n` })
  expect(stderr).toMatch(new RegExp(`\\nOpen it: ${pathToFileURL(out).href}\\n$`))
  const video = await readVideo(await testFfmpeg(), out)
  expect(video).toMatchObject({ width: 256, hasAudio: true })
})

test('demo --serve says where the page with the example is, and ends by a signal', async () => {
  await using dir = await folder()
  const env = {
    ...{ ...bareEnvironment(), HOME: dir.file(''), HOST: '127.0.0.1', PORT: '0', DEVICE: 'cpu' },
    ...{ SCRATCH_DIR: dir.file('scratch'), STATE_DIR: dir.file('state') },
  }
  const args = [join(ROOT, 'runtime/main.ts'), 'demo', '--serve']
  const server = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(server, 'exit')
  try {
    let address: string | undefined
    for await (const line of createInterface(server.stderr)) {
      address = /^Open (http\S+) and press "Make it speak"/.exec(line)?.[1]
      if (address) break
    }
    server.stderr.destroy()
    const { port, search } = new URL(address!)
    expect(search).toBe('?example')
    const page = await fetch(`http://127.0.0.1:${port}/${search}`)
    expect(await page.text()).toContain('Make it speak</button>')
  } finally {
    server.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  }
})

variant('run reaches what is elsewhere by the proxy', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'proxy-'))
  await using proxy = await webServer((_, response) => void response.writeHead(404).end())
  try {
    const folders = ['OUTPUT_DIR', 'SCRATCH_DIR', 'CACHE_DIR'].map((name) => [
      name,
      join(dir, name),
    ])
    const env = {
      ...Object.fromEntries(folders),
      ...{ http_proxy: proxy.origin, no_proxy: '' }, // these win over those in capitals
      ALLOW_PRIVATE_URLS: 'true',
    }
    const media = ['--video', 'http://media.test/v.mp4', '--audio', 'http://media.test/a.wav']
    const { status, stderr } = await execute(['run', ...media], env)
    expect(stderr).toContain('404')
    expect(status).toBe(3)
    expect(proxy.seen.map(({ path }) => path)).toContain('http://media.test/v.mp4')
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('a server goes on when whoever reads its log has gone', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'log-'))
  const env = {
    ...{ ...bareEnvironment(), HOME: dir, HOST: '127.0.0.1', PORT: '0', DEVICE: 'cpu' },
    ...{ SCRATCH_DIR: join(dir, 'scratch'), STATE_DIR: join(dir, 'state') },
  }
  const server = spawn(process.execPath, [join(ROOT, 'runtime/main.ts'), 'serve'], {
    ...{ cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] },
  })
  const ended = once(server, 'exit')
  try {
    let port = 0
    for await (const line of createInterface(server.stderr)) {
      const { event, ...fields } = JSON.parse(line) as { event: string; port?: number }
      if (event !== 'worker.listening') continue
      port = fields.port!
      break
    }
    for (const pipe of [server.stdout, server.stderr]) pipe.destroy()
    const url = `http://127.0.0.1:${port}`
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ id: 'j', video: 'http://10.0.0.1/v', audio: 'http://10.0.0.1/a' })
    await fetch(`${url}/jobs`, { method: 'POST', headers, body })
    const state = async () =>
      ((await (await fetch(`${url}/jobs/j`)).json()) as { status: string }).status
    await expect.poll(state).toBe('failed') // and so has written to its log
    expect((await fetch(`${url}/hc`)).status).toBe(200)
  } finally {
    server.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    await rm(dir, { recursive: true })
  }
})

test('what it cannot do ends it with status 2 and the reason', async () => {
  const unset = await execute(['serve'], { PORT: 'none' })
  expect(unset).toMatchObject({ status: 2, stdout: '' })
  expect(unset.stderr).toContain('PORT')
})

variant('so does what it does not know, in words or as JSON', async () => {
  const [misplaced, mistyped] = await Promise.all([
    execute(['bundle', 'info', '--fps', '3']),
    execute(['serve', '--jsno', '--json']),
  ])
  expect(misplaced).toMatchObject({ status: 2, stdout: '' })
  expect(misplaced.stderr).toContain('"--fps" is no option of bundle info, but of run')
  expect(mistyped).toMatchObject({ status: 2, stderr: '' })
  expect(JSON.parse(mistyped.stdout)).toMatchObject({ code: 'USAGE', retryable: false })
})
