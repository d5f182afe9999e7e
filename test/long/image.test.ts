import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, chown, readFile, stat, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bridgeAddress, build, container, docker, type Container } from '../helpers/docker.ts'
import { folder, readVideo, testFfmpeg } from '../helpers/media/media.ts'
import { startOrchestrator } from '../helpers/orchestrator/server.ts'
import { reportsOf } from '../helpers/orchestrator/pull-worker.ts'
import { webServer } from '../helpers/servers/loopback-server.ts'

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const json = (name: string) => JSON.parse(readFileSync(path(name), 'utf8'))

const BASE = 'node:26-bookworm-slim'
const IMAGE = `musetalk-worker:test-${process.pid}`
const AS_ROOT = `${IMAGE}-root`
const STAGE = `${IMAGE}-packages`
const MB = 1e6
const RENDER_MS = 120_000 // of seven seconds, where other programs work too

/** The demo's media, where a container can fetch them: on the host's end of Docker's bridge. */
async function media() {
  return webServer(
    async ({ url = '' }, response) => {
      response.end(await readFile(path(`demo/${url.slice(1)}`)))
    },
    await bridgeAddress(),
  )
}

const post = async (url: string, body: object) => {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: answer.status, body: (await answer.json()) as Record<string, any> }
}

// .ci/long says so where Docker and the base image are there.
describe.skipIf(!process.env['IMAGE_TEST'])('the image (built by .ci/long only)', () => {
  const version: string = json('package.json').version
  let revision: string

  beforeAll(async () => {
    revision = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: path('') })
      .toString()
      .trim()
    const began = performance.now()
    await build(STAGE, {}, { target: 'packages' })
    await build(IMAGE, { VERSION: version, GIT_REVISION: revision })
    console.log(`image: built in ${((performance.now() - began) / 1000).toFixed(0)} s`)
  }, 900_000)

  afterAll(async () => {
    for (const tag of [AS_ROOT, IMAGE, STAGE]) await docker('rmi', tag).catch(() => {})
  }, 60_000)

  test('adds less than 600 MB to its base, and neither compiler nor Python', async () => {
    const sizes = [IMAGE, BASE].map((tag) => docker('image', 'inspect', '-f', '{{.Size}}', tag))
    const [whole = 0, base = 0] = (await Promise.all(sizes)).map(Number)
    console.log(
      `image: ${Math.round((whole - base) / MB)} MB of its own, ${Math.round(whole / MB)} with base`,
    )
    expect(whole - base).toBeLessThan(600 * MB)
    const tools = 'python3 python gcc cc g++ make'
    const search = `for tool in ${tools}; do command -v $tool; done; true`
    expect(await docker('run', '--rm', IMAGE, 'sh', '-c', search)).toBe('')
  })

  test('has the list of its packages with their licenses', async () => {
    const sbom = JSON.parse(await docker('run', '--rm', IMAGE, 'cat', '/app/sbom.json'))
    const list = await docker('run', '--rm', IMAGE, 'cat', '/app/THIRD_PARTY_LICENSES')
    expect(sbom).toMatchObject({ bomFormat: 'CycloneDX' })
    expect(list.split('\n')).toHaveLength(sbom.components.length)
    expect(list).toMatch(/^undici \S+ MIT$/m)
    const search = 'find /app/node_modules -path "*/node_modules/*/package.json"'
    const found = await docker('run', '--rm', IMAGE, 'sh', '-c', search)
    const folders = /node_modules\/((?:@[^/]+\/)?[^/@]+)\/package\.json$/
    const installed = new Set(found.split('\n').flatMap((file) => folders.exec(file)?.[1] ?? []))
    expect(installed.size).toBeGreaterThan(50)
    const listed = new Set(list.split('\n').map((line) => line.split(' ')[0]))
    expect([...installed].filter((name) => !listed.has(name))).toEqual([])
  })

  test('says what it is, runs as nobody special, and has a whole command', async () => {
    const config = JSON.parse(await docker('image', 'inspect', '-f', '{{json .Config}}', IMAGE))
    expect(config.Labels).toMatchObject({
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.revision': revision,
    })
    expect(config.Entrypoint ?? []).toEqual([])
    expect(config.Cmd).toEqual(['tini', '-s', '--', 'node', '/app/runtime/main.ts', 'start'])
    expect(await docker('run', '--rm', IMAGE, 'id', '-u')).toBe('10001')
  })

  test("works by the legacy worker's docker run line, dies and comes back, and drains on docker stop", async () => {
    await using dir = await folder()
    await using files = await media()
    const env = ['STORAGE=directory', 'ALLOW_PRIVATE_URLS=true', 'BATCH_SIZE=8', 'WORKER_ID=desk-1']
    await writeFile(dir.file('.env'), env.join('\n'))
    const began = performance.now()
    await using worker = await container([
      ...['--restart=always', '--env-file', dir.file('.env')],
      ...['--add-host', 'host.docker.internal:host-gateway', IMAGE],
    ])
    await worker.ready()
    console.log(`image: docker run to ready in ${Math.round(performance.now() - began)} ms`)
    expect(Number(await worker.inspect('.HostConfig.ShmSize'))).toBe(64 * 2 ** 20)
    const health = await fetch(`${await worker.origin()}/health`)
    expect(await health.json()).toMatchObject({ version, revision, bundle: { name: 'lite' } })

    const at = `http://host.docker.internal:${files.port}`
    const job = (id: string) => ({
      ...{ musetalk_job_id: id, aspect_ratio: '1:1', resolution: '512x512' },
      ...{ video_url: `${at}/portrait.png`, audio_url: `${at}/speech.wav` },
    })
    const first = await post(`${await worker.origin()}/generate`, job('first'))
    expect(first).toMatchObject({ status: 200, body: { status: 'success', error: null } })
    const result = await fetch(first.body['output_url'])
    await writeFile(dir.file('result.mp4'), Buffer.from(await result.arrayBuffer()))
    const video = await readVideo(await testFfmpeg(), dir.file('result.mp4'))
    expect(video).toMatchObject({ width: 512, height: 512, frames: 177, hasAudio: true })
    // ONNX Runtime would leave the notes of its telemetry here.
    expect(await worker.sh('ls -A /tmp')).toBe('musetalk-worker')

    // The render process dies with its ffmpegs in mid-job: somebody has to bury them.
    const lost = post(`${await worker.origin()}/generate`, { ...job('lost'), fps: 60 })
    await running(await worker.origin(), 'lost')
    await worker.sh(`kill -9 $(cat /proc/$(echo $(cat /proc/1/task/1/children))/task/*/children)`)
    expect((await lost).body).toMatchObject({ error: { retryable: true } })
    await worker.ready()
    expect(await worker.sh('grep -l "^State:.Z" /proc/[0-9]*/status; true')).toBe('')

    await worker.sh('kill -9 $(cat /proc/1/task/1/children)').catch(() => {})
    await expect.poll(() => worker.inspect('.RestartCount'), { timeout: 20_000 }).toBe('1')
    await worker.ready()

    const last = post(`${await worker.origin()}/generate`, { ...job('last'), fps: 60 })
    await running(await worker.origin(), 'last')
    await docker('stop', '-t', '60', worker.name)
    expect(await last).toMatchObject({ status: 200, body: { status: 'success' } })
    expect(await worker.inspect('.State.ExitCode')).toBe('0')
  }, 400_000)

  test("does an orchestrator's jobs in the legacy worker's environment, over a restart", async () => {
    await using dir = await folder()
    await using files = await media()
    await using giver = await startOrchestrator({ host: await bridgeAddress() })
    const ended = (id: string) =>
      giver.until(
        () => /succeeded|failed/.test(giver.jobs.get(id)?.state ?? ''),
        AbortSignal.timeout(RENDER_MS),
      )
    const at = `http://host.docker.internal:${files.port}`
    const env = {
      ORCHESTRATOR_BASE_URL: giver.url,
      INTERNAL_API_KEY: giver.key,
      ...{ WORKER_ID: 'desk-1', WORKER_TYPE: 'main', PROVIDER: 'desk', CONFIG_LABEL: 'v6' },
      ...{ GPU_CLASS_NAME: 'RTX 4090', BATCH_SIZE: '8', POLL_INTERVAL_SEC: '1' },
      ...{ USE_OPTIMIZED_INFERENCE: 'true', MUSETALK_WORKDIR: '/app' },
      ...{ MUSETALK_RESULT_DIR: 'results/job_queue', ALLOW_PRIVATE_URLS: 'true' },
    }
    await writeFile(
      dir.file('.env'),
      Object.entries(env)
        .map((pair) => pair.join('='))
        .join('\n'),
    )
    await using worker = await container([
      ...['--restart=always', '--shm-size=8g', '--env-file', dir.file('.env')],
      ...['--add-host', 'host.docker.internal:host-gateway', IMAGE],
    ])
    await worker.ready()
    const job = {
      ...{ video_url: `${at}/portrait.png`, audio_url: `${at}/speech.wav` },
      ...{ aspect_ratio: '1:1', resolution: '512x512' },
    }
    giver.submit(job, 'first')
    await ended('first')
    expect(giver.jobs.get('first')).toMatchObject({
      state: 'succeeded',
      report: { output_url: expect.stringContaining('first.mp4'), worker_id: 'desk-1' },
    })
    giver.submit(job, 'second')
    await giver.until(() => reportsOf(giver, 'second').length > 1, AbortSignal.timeout(RENDER_MS))
    await worker.sh('kill -9 $(cat /proc/1/task/1/children)').catch(() => {})
    await ended('second')
    expect(giver.jobs.get('second')!.state).toBe('succeeded')
    const told = reportsOf(giver, 'second').find(({ status }) => status !== 'running')
    expect(told).toMatchObject({ status: 'failed', error_code: 'ENGINE_LOST', retryable: true })
    expect(await worker.sh('ls /tmp/musetalk-worker/*')).toBe('')
  }, 400_000)

  /** A second of what is in the image. */
  const rendered = async (worker: Container) => {
    const job = { video: 'demo/portrait.png', audio: 'demo/speech.wav', speech: { to: 1 } }
    return post(`${await worker.origin()}/generate`, job)
  }
  const SUCCESS = { status: 200, body: { status: 'success', error: null } }
  const OWN_FILES = ['--env', 'ALLOW_FILE_INPUTS=true']

  test("works read-only and without any privilege, by compose's options", async () => {
    await using worker = await container([
      ...['--read-only', '--tmpfs', '/tmp:size=256m', '--env', 'SCRATCH_DIR=/data/scratch'],
      ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true', '--volume', '/data'],
      ...[...OWN_FILES, IMAGE],
    ])
    await worker.ready()
    expect(await rendered(worker)).toMatchObject(SUCCESS)
    await expect(worker.sh('touch /app/file')).rejects.toThrow('Read-only file system')
    expect(await worker.sh('ls /data/scratch/*')).toBe('')
    expect(await docker('exec', worker.name, ...(await healthcheck()))).toBe('')
  }, 200_000)

  test('works as another user, where that one may write', async () => {
    await using dir = await folder()
    await chown(dir.path, 1234, 1234)
    const user = ['--user', '1234:1234', '--volume', `${dir.path}:/data`]
    await using worker = await container([...user, ...OWN_FILES, IMAGE])
    await worker.ready()
    expect(await worker.sh('id -u')).toBe('1234')
    expect(await rendered(worker)).toMatchObject(SUCCESS)
    expect((await stat(dir.file('outputs'))).uid).toBe(1234)
  }, 400_000)

  test("names the folder of root's volume that it cannot write, and goes on when that is handed over", async () => {
    await using dir = await folder()
    await chmod(dir.path, 0o755)
    await using worker = await container(['--volume', `${dir.path}:/data`, ...OWN_FILES, IMAGE])
    const ready = async () => {
      const answer = await fetch(`${await worker.origin()}/ready`)
      return `${answer.status} ${await answer.text()}`
    }
    await expect
      .poll(() => ready().catch(String))
      .toMatch(/^503 .*the output directory cannot be written \(EACCES\)/)
    expect(await worker.logs()).toContain("'/data/outputs'")
    await chown(dir.path, 10_001, 10_001)
    await worker.ready()
    expect(await rendered(worker)).toMatchObject(SUCCESS)
  }, 400_000)

  test("passes the Hub's tests as its tester starts it: as root, through a shell", async () => {
    await build(AS_ROOT, { VERSION: version, GIT_REVISION: revision, RUN_AS: 'root' })
    const command = JSON.parse(
      await docker('image', 'inspect', '-f', '{{json .Config.Cmd}}', IMAGE),
    )
    const { tests, config } = json('.runpod/tests.json')
    // This image is the one for machines without a card.
    const given = (config.env as Record<'key' | 'value', string>[]).filter(
      ({ key }) => key !== 'DEVICE',
    )
    const env = given.flatMap(({ key, value }) => ['--env', `${key}=${value}`])
    await using worker = await container([...env, AS_ROOT, 'sh', '-c', command.join(' ')])
    await worker.ready()
    expect(await worker.sh('id -u')).toBe('0')
    expect(await docker('exec', worker.name, ...(await healthcheck()))).toBe('')
    for (const { name, input } of tests) {
      const { body } = await post(`${await worker.origin()}/v2/IDE/runsync`, { input })
      expect(body['status'], name).toBe('COMPLETED')
    }
  }, 400_000)
})

const healthcheck = async (): Promise<string[]> =>
  JSON.parse(
    await docker('image', 'inspect', '-f', '{{json .Config.Healthcheck.Test}}', IMAGE),
  ).slice(1)

/** Resolves when frames of the job are being made. */
async function running(origin: string, id: string) {
  const progress = async () => {
    const answer = await fetch(`${origin}/jobs/${id}`)
    return answer.ok ? ((await answer.json()) as { progress?: number }).progress : 0
  }
  await expect.poll(progress, { interval: 20, timeout: 20_000 }).toBeGreaterThan(0.1)
}
