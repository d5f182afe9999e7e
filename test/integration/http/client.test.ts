import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../../runtime/client/client.ts'
import { makeSound, testFfmpeg } from '../../helpers/media/media.ts'
import { smallPortrait } from '../../helpers/media/portrait.ts'
import { tcpRelay } from '../../helpers/servers/tcp-relay.ts'
import { ENDLESS, pushServer } from '../../helpers/servers/worker-server.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../../..')
const KEY = 'only-for-this-test'

let dir: string
/** What it renders is not looked at here. */
let serve: Awaited<ReturnType<typeof pushServer>>
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'client-'))
  await mkdir(join(dir, 'demo'))
  const found = await testFfmpeg()
  await smallPortrait(found, join(dir, 'demo/portrait.png'))
  await makeSound(found, join(dir, 'demo/speech.wav'), 0.4)
  await symlink(join(dir, 'demo/portrait.png'), join(dir, 'face.mp4'))
  await symlink(join(dir, 'demo/speech.wav'), join(dir, "demo/it's.wav"))
  serve = await pushServer({ API_KEY: KEY })
})
afterAll(async () => {
  await serve[Symbol.asyncDispose]()
  await rm(dir, { recursive: true })
})

test('uploads, a job and its events, over a line that is cut in between', async () => {
  await using relay = await tcpRelay(Number(new URL(serve.url).port))
  const { jobs, uploads } = createClient(`http://127.0.0.1:${relay.port}`, {
    key: KEY,
    retryDelayMs: 5,
  })
  const face = await uploads.send(join(dir, 'demo/portrait.png'), { partBytes: 100_000 })
  const speech = await uploads.send(new Blob([await readFile(join(dir, 'demo/speech.wav'))]))
  const { id } = await jobs.submit({ video_url: face.url, audio_url: speech.url })
  const seen: number[] = []
  const result = await jobs.wait(id, {
    onEvent({ seq }) {
      seen.push(seq)
      if (seq < 3) relay.drop()
    },
  })
  expect(result).toMatchObject({ job_id: id, frames: 2, deduplicated: false })
  expect(seen).toEqual(seen.map((_, index) => index))
  const video = await fetch(jobs.videoUrl(id), { headers: { authorization: `Bearer ${KEY}` } })
  expect((await video.bytes()).length).toBe(result.bytes)
})

test('a job that is canceled fails its watcher', async () => {
  const { jobs, uploads } = createClient(serve.url, { key: KEY })
  const { url } = await uploads.send(join(dir, 'demo/speech.wav'))
  const face = await uploads.send(join(dir, 'demo/portrait.png'))
  const endless = { video_url: face.url, audio_url: url, output: { crf: ENDLESS } }
  const { id } = await jobs.submit(endless)
  const waiting = jobs.wait(id, { onEvent: ({ seq }) => void (seq === 0 && jobs.cancel(id)) })
  await expect(waiting).rejects.toMatchObject({ name: 'JobFailed', code: 'CANCELED' })
})

test('a wrong key is refused at once', async () => {
  const refused = createClient(serve.url, { key: 'another' }).jobs.list()
  await expect(refused).rejects.toMatchObject({ name: 'RequestRefused', status: 401 })
})

const page = await readFile(join(root, 'docs/client.md'), 'utf8')
const program = (language: string) => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page)![1]!
const hasPython = await run('python3', ['--version']).then(
  () => true,
  () => false,
)

test.skipIf(!hasPython)('the page’s Python program runs a job', async () => {
  const env = { ...process.env, WORKER_URL: serve.url, API_KEY: KEY }
  const { stdout } = await run('python3', ['-c', program('python')], { cwd: dir, env })
  expect(stdout.trim().split('\n').at(-1)).toMatch(/^http.*\/files\/.*\.mp4$/)
})

test('the page’s TypeScript program runs a job', async () => {
  const source = program('ts')
    .replace('musetalk-worker/client', join(root, 'runtime/client/client.ts'))
    .replace('http://localhost:8000', serve.url)
  const args = ['--input-type=module-typescript', '-e', source]
  const { stdout } = await run(process.execPath, args, {
    ...{ cwd: dir, env: { ...process.env, API_KEY: KEY } },
  })
  expect(stdout.trim().split('\n').at(-1)).toMatch(/^http.*\/files\/.*\.mp4$/)
})

describe('what the page for people writes of a job', async () => {
  const at = '../../../runtime/http/pages/app/snippets.browser.js'
  const { writeSnippet } = (await import(new URL(at, import.meta.url).href)) as {
    writeSnippet(language: string, job: object, files: object, origin: string): string
  }
  const files = { video_url: 'demo/portrait.png', audio_url: "demo/it's.wav" }
  const job = { metadata: { said: `it's "$HOME"` }, output: { crf: 30 } }
  const commands: [string, (code: string) => string[]][] = [
    ['curl', (code) => ['bash', '-euo', 'pipefail', '-c', code]],
    ['python', (code) => ['python3', '-c', code]],
    [
      'typescript',
      (code) => {
        const here = code.replace('musetalk-worker/client', join(root, 'runtime/client/client.ts'))
        return [process.execPath, '--input-type=module-typescript', '-e', here]
      },
    ],
  ]
  test.each(commands.filter(([language]) => hasPython || language !== 'python'))(
    'for %s sends both files and runs it',
    async (language, command) => {
      const [program, ...args] = command(writeSnippet(language, job, files, serve.url))
      const { stdout } = await run(program!, args, {
        ...{ cwd: dir, env: { ...process.env, API_KEY: KEY } },
      })
      expect(stdout).toMatch(/http:\S*\/files\/\S*\.mp4/)
    },
  )
})

test.each(['README.md', 'docs/quick-start.md', 'docs/api.md', 'docs/client.md'])(
  'the curl commands of %s are answered as they stand',
  async (file) => {
    const text = await readFile(join(root, file), 'utf8')
    const found = text.matchAll(/^curl [^\n]*localhost:8000[^]*?[^\\](?=\n)/gm)
    for (const [command] of found) {
      const curl = `curl() { command curl --fail-with-body -H "authorization: Bearer $API_KEY" "$@"; }`
      const here = command.replace('localhost:8000', serve.url)
      const script = `${curl}\n${here.replaceAll('"demo/', `"${dir}/demo/`)}`
      const env = { PATH: process.env['PATH'], API_KEY: KEY }
      const { stdout } = await run('bash', ['-c', script], { cwd: dir, env })
      const answer = JSON.parse(stdout) as object
      expect(answer).toSatisfy((one: object) => 'output_url' in one || 'url' in one || 'id' in one)
    }
  },
)
