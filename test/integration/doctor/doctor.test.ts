import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../../runtime/config/config.ts'
import { checkDisks } from '../../../runtime/doctor/directories.ts'
import { doctor } from '../../../runtime/doctor/doctor.ts'
import { checkFfmpeg } from '../../../runtime/doctor/ffmpeg.ts'
import { checkMachine } from '../../../runtime/doctor/cpu-and-memory.ts'
import { checkModels } from '../../../runtime/doctor/model-bundle.ts'
import { checkPorts } from '../../../runtime/doctor/ports.ts'
import { checkMode } from '../../../runtime/doctor/job-source.ts'
import { checkWebhooks } from '../../../runtime/doctor/doctor.ts'
import { hasCuda } from '../../../models/inference/session.ts'
import { writeBundle } from '../../helpers/models/copy-of-lite.ts'
import { config, environment, findings } from '../../helpers/doctor-environment.ts'
import { folder, testFfmpeg, type Folder } from '../../helpers/media/media.ts'
import { webServer } from '../../helpers/servers/loopback-server.ts'

let place: Folder
beforeEach(async () => {
  place = await folder()
})
afterEach(() => place[Symbol.asyncDispose]())

const soon = () => AbortSignal.timeout(300_000)

/** What the command prints, and its exit status. */
async function examined(changes: Record<string, string>, json = false) {
  let out = ''
  const output = { out: (text: string) => void (out += text), err: () => {} }
  const status = await doctor(() => readConfig(environment(place, changes)), json, output)
  return { status, out, lines: out.trimEnd().split('\n') }
}

describe('the whole', () => {
  test('is one line for each part, and 0 where nothing failed', async () => {
    const { status, lines } = await examined({ WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}` })
    const known = ['environment', 'ffmpeg', 'nvenc', 'cpu', 'memory', 'scratch', 'cache', 'state']
    const more = ['port', 'access', 'webhooks', 'storage', 'source', 'bundle', 'device']
    const checks = lines.slice(0, -2)
    expect(checks.map((line) => line.split(/ +/)[1])).toEqual([...known, ...more])
    expect(checks.filter((line) => !/^(ok|warn) {2}/.test(line))).toEqual([])
    expect(lines.at(-2)).toMatch(/^0 failed, \d+ to look at, of 15 checks$/)
    expect(lines.at(-1)).toMatch(/^(all is well|it works; to make it better)/)
    expect(status).toBe(0)
  })

  test('as JSON says the same, and 1 where something failed', async () => {
    await writeFile(place.file('file'), '')
    await writeBundle(place.file('bundle'))
    const changes = { OUTPUT_DIR: place.file('file'), MODEL_BUNDLE: place.file('bundle') }
    const { status, out } = await examined(changes, true)
    expect(status).toBe(1)
    const { ok, checks } = JSON.parse(out)
    expect(ok).toBe(false)
    const failed = checks.filter((finding: { status: string }) => finding.status === 'fail')
    expect(failed).toMatchObject([
      { check: 'storage', action: expect.stringContaining('OUTPUT_DIR') },
    ])
  })

  test('with an environment that is wrong names every variable', async () => {
    const wrong = { PORT: 'x', S3_BUCKET: 'b', WEBHOOK_SECRET: 'not-a-secret-of-ours' }
    const { status, out, lines } = await examined(wrong)
    expect(status).toBe(1)
    expect(lines[0]).toMatch(/^fail +environment .*PORT.*WEBHOOK_SECRET.*S3_KEY_ID.*S3_SECRET/)
    expect(out).not.toContain('not-a-secret-of-ours')
  })

  test('never prints a secret, whatever fails', async () => {
    const secrets = {
      ...{ API_KEY: 'hush-api', INTERNAL_API_KEY: 'hush-internal', S3_SECRET: 'hush-s3' },
      ...{ S3_KEY_ID: 'hush-id', WEBHOOK_SECRET: `whsec_${'hush/AAA'.repeat(4)}` },
      ORCHESTRATOR_BASE_URL: 'http://user:hush-url@127.0.0.1:9/hush-path',
    }
    const others = { S3_ENDPOINT: 'http://127.0.0.1:9', S3_BUCKET: 'bucket', FFMPEG_PATH: '/none' }
    const nowhere = { MODEL_BUNDLE: place.file('none') }
    const { status, out } = await examined({ ...secrets, ...others, ...nowhere })
    expect(status).toBe(1)
    expect(out).toMatch(/fail +ffmpeg[^]*fail +storage[^]*fail +orchestrator[^]*fail +bundle/)
    expect(out).not.toContain('hush')
  })
})

test('contradicting sources of jobs are told with the names of their variables', () => {
  const both = { RUNPOD_WEBHOOK_GET_JOB: 'http://127.0.0.1/', WORKER_MODE: 'buffer' }
  expect(checkMode(config(place, both))).toMatchObject([
    { status: 'fail', message: expect.stringMatching(/RUNPOD_WEBHOOK_GET_JOB.*WORKER_MODE/) },
  ])
  const keyless = config(place, { ORCHESTRATOR_BASE_URL: 'http://127.0.0.1/' })
  expect(checkMode(keyless)[0]!.message).toContain('INTERNAL_API_KEY')
})

describe('ffmpeg', () => {
  const fake = async (name: string, script: string) => {
    await mkdir(place.file('bin'), { recursive: true })
    await writeFile(place.file(`bin/${name}`), `#!/bin/sh\n${script}\n`)
    await chmod(place.file(`bin/${name}`), 0o755)
  }
  const check = (FFMPEG_PATH: string) => findings(checkFfmpeg({ FFMPEG_PATH }, soon()))

  test('that is not there fails and says how to get it', async () => {
    const { ffmpeg } = await check(place.file('nothing'))
    expect(ffmpeg).toMatchObject({ status: 'fail', message: expect.stringContaining('apt-get') })
  })
  test('that cannot encode fails', async () => {
    await fake('ffmpeg', 'case "$*" in *-version) echo "ffmpeg version 9.9";; *) exit 1;; esac')
    const { ffmpeg } = await check(place.file('bin/ffmpeg'))
    expect(ffmpeg).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/9\.9.*libx264/),
    })
  })
  test('without ffprobe warns', async () => {
    await fake('ffmpeg', `exec ${(await testFfmpeg()).path} "$@"`)
    await fake('ffprobe', 'exit 1')
    const { ffmpeg } = await check(place.file('bin/ffmpeg'))
    expect(ffmpeg).toMatchObject({ status: 'warn', message: expect.stringContaining('no ffprobe') })
  })
})

test('folders that cannot be written: scratch and state fail, the cache warns', async () => {
  await writeFile(place.file('file'), '')
  const names = { SCRATCH_DIR: 'file/a', CACHE_DIR: 'file/b', STATE_DIR: 'file/c' }
  const changes = Object.fromEntries(Object.entries(names).map(([k, v]) => [k, place.file(v)]))
  const { scratch, cache, state } = await findings(checkDisks(config(place, changes)))
  expect(scratch).toMatchObject({ status: 'fail', action: expect.stringContaining('SCRATCH_DIR') })
  expect(cache).toMatchObject({ status: 'warn', action: expect.stringContaining('CACHE_DIR') })
  expect(state).toMatchObject({ status: 'fail', action: expect.stringContaining('STATE_DIR') })
})

test('folders that can be written are left as they were', async () => {
  const all = Object.values(await findings(checkDisks(config(place, { MAX_INPUT_MB: '1' }))))
  expect(all.filter(({ status }) => status === 'fail')).toEqual([])
  expect(await readdir(place.file('scratch'))).toEqual([])
})

test('a bundle whose weights do not fit into the memory is told before it is loaded', async () => {
  const manifest = await writeBundle(place.file('bundle'))
  manifest.graphs.generate.bytes = 1e15
  await writeFile(place.file('bundle/manifest.json'), JSON.stringify(manifest))
  const { memory } = await findings(
    checkMachine(config(place, { MODEL_BUNDLE: place.file('bundle') })),
  )
  expect(memory).toMatchObject({ status: 'fail', action: expect.stringContaining('1000001.0 GB') })
})

describe('ports', () => {
  test('a free one is fine', async () => {
    expect(await checkPorts(config(place), soon())).toMatchObject([{ status: 'ok' }])
  })
  test('one that another program has fails', async () => {
    await using other = await webServer((_, response) => void response.end('{"state":1}'))
    const changes = { PORT: String(other.port), HOST: '127.0.0.1' }
    const [finding] = await checkPorts(config(place, changes), soon())
    expect(finding).toMatchObject({ status: 'fail', action: expect.stringContaining('set PORT') })
  })
  test('one that a running worker has is fine', async () => {
    await using worker = await webServer((request, response) => {
      response.end(request.url === '/health' ? '{"state":"busy","version":"1.2.3"}' : '')
    })
    const changes = { PORT: '0', PORT_HEALTH: String(worker.port), HOST: '127.0.0.1' }
    expect(await checkPorts(config(place, changes), soon())).toMatchObject([
      { status: 'ok', message: expect.stringContaining('"busy"') },
      { status: 'ok' },
    ])
  })
  test('an address that this machine does not have fails', async () => {
    const [finding] = await checkPorts(config(place, { HOST: '192.0.2.1' }), soon())
    expect(finding).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('EADDRNOTAVAIL'),
    })
  })
})

test('webhooks are signed or not, without a word about the keys', () => {
  const secret = (letter: string) => `whsec_${letter.repeat(32)}`
  const found = (changes: Record<string, string>) =>
    checkWebhooks(config(place, changes))[0]!.message
  expect(found({})).toContain('unsigned')
  expect(found({ WEBHOOK_SECRET: `${secret('A')} ${secret('B')}` })).toMatch(/2 secrets/)
})

describe('models', () => {
  test('that were damaged after they were found good', async () => {
    const bundle = place.file('bundle')
    await writeBundle(bundle)
    const changed = config(place, { MODEL_BUNDLE: bundle })
    expect(await findings(checkModels(changed))).toMatchObject({
      bundle: { status: 'ok' },
      detector: { status: 'warn', message: expect.stringContaining('face.boxes') },
    })
    const bytes = await readFile(`${bundle}/generate.data`)
    bytes[5]! ^= 1
    await writeFile(`${bundle}/generate.data`, bytes)
    const { bundle: found } = await findings(checkModels(changed))
    expect(found).toMatchObject({
      ...{ status: 'fail', message: expect.stringContaining('generate.data is damaged') },
      action: expect.stringContaining('pull the bundle'),
    })
  })
  test('that are not there', async () => {
    const nowhere = config(place, { MODEL_BUNDLE: place.file('nowhere') })
    const { bundle } = await findings(checkModels(nowhere))
    expect(bundle).toMatchObject({ status: 'fail', message: expect.stringContaining('is missing') })
  })
  test('an optimized copy that computes something else is told, and mended', async () => {
    await writeBundle(place.file('bundle'))
    const changed = config(place, { MODEL_BUNDLE: place.file('bundle') })
    await findings(checkModels(changed))
    const [key] = await readdir(place.file('cache/graphs'))
    const entry = place.file(`cache/graphs/${key}`)
    const { size } = await stat(`${entry}/graph.data`)
    await writeFile(`${entry}/graph.data`, Buffer.alloc(size))
    const { mtimeNs } = await stat(`${entry}/graph.data`, { bigint: true })
    const stamp = JSON.parse(await readFile(`${entry}/copy.json`, 'utf8'))
    stamp.weights.mtimeNs = String(mtimeNs)
    await writeFile(`${entry}/copy.json`, JSON.stringify(stamp))
    const { bundle } = await findings(checkModels(changed))
    expect(bundle).toMatchObject({ status: 'warn', message: expect.stringContaining('self-test') })
    expect(await findings(checkModels(changed))).toMatchObject({ bundle: { status: 'ok' } })
  })
  test.skipIf(hasCuda())('DEVICE=cuda where there is none fails; the bundle is fine', async () => {
    await writeBundle(place.file('bundle'))
    const changed = config(place, { DEVICE: 'cuda', MODEL_BUNDLE: place.file('bundle') })
    const { bundle, device } = await findings(checkModels(changed))
    expect(bundle).toMatchObject({ status: 'ok', message: expect.stringContaining('means') })
    expect(device).toMatchObject({ status: 'fail', action: expect.stringContaining('CUDA image') })
  })
})
