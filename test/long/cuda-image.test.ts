import { execFile, execFileSync } from 'node:child_process'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, docker } from '../helpers/docker.ts'
import { folder, type Folder } from '../helpers/media/media.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const IMAGE = `musetalk-worker:cuda-test-${process.pid}`
const MB = 1e6
/** Folder of narrow checkpoints in the official layout; .ci/long makes them. */
const CHECKPOINTS = process.env['IMAGE_CHECKPOINTS']

/** The driver's library as far as it is looked into before any GPU is asked for: there is none. */
const STUB = `
#define SAYS_NO(name) int name(void) { return 100; }
SAYS_NO(cuInit) SAYS_NO(cuDriverGetVersion) SAYS_NO(cuDeviceGetCount)
SAYS_NO(cuGetProcAddress) SAYS_NO(cuGetProcAddress_v2) SAYS_NO(cuTensorMapEncodeTiled)
`

/** What comes of a graph on the CUDA provider in the image. */
const PROBE = `
  require('/app/node_modules/onnxruntime-node').InferenceSession
    .create('/app/models/lite/encode.onnx', { executionProviders: ['cuda'] })
    .then(() => console.log('made'), (error) => console.log(error.message))
`

describe.skipIf(!CHECKPOINTS)('the image for CUDA with MuseTalk (built by .ci/long only)', () => {
  let own: Folder

  /** A build context of what git knows, and checkpoints. */
  async function context(name: string, checkpoints: string | undefined): Promise<string> {
    const dir = own.file(name)
    const files = execFileSync('git', ['ls-files'], { cwd: ROOT }).toString().trim().split('\n')
    for (const file of files.filter((path) => !path.startsWith('test/'))) {
      await cp(join(ROOT, file), join(dir, file))
    }
    if (checkpoints) await cp(checkpoints, join(dir, 'checkpoints'), { recursive: true })
    return dir
  }

  beforeAll(async () => {
    own = await folder()
    const args = { BUNDLE: 'musetalk-v1.5', DEVICE: 'cuda' }
    const began = performance.now()
    await build(IMAGE, args, { context: await context('all', CHECKPOINTS) })
    console.log(`cuda image: built in ${((performance.now() - began) / 1000).toFixed(0)} s`)
  }, 2_400_000)

  afterAll(async () => {
    await docker('rmi', IMAGE).catch(() => {})
    await own[Symbol.asyncDispose]()
  }, 600_000)

  test('holds the bundle and NVIDIA’s libraries, and neither compiler nor Python', async () => {
    const size = Number(await docker('image', 'inspect', '-f', '{{.Size}}', IMAGE))
    const bundle = await docker('run', '--rm', IMAGE, 'du', '-sm', '/app/bundles/musetalk-v1.5')
    console.log(`cuda image: ${Math.round(size / MB)} MB, bundle ${Number.parseInt(bundle)} MB`)
    const search = 'for tool in python3 gcc cc; do command -v $tool; done; true'
    expect(await docker('run', '--rm', IMAGE, 'sh', '-c', search)).toBe('')
    expect(Number.parseInt(bundle)).toBeGreaterThan(50)
  })

  test('verifies its bundle, on the CPU where there is no GPU', async () => {
    const report = await docker('run', '--rm', IMAGE, 'musetalk-worker', 'bundle', 'verify')
    expect(report).toContain('musetalk-v1.5')
  }, 120_000)

  test('loads the CUDA provider as far as a driver without a GPU', async () => {
    await mkdir(own.file('stub'))
    await writeFile(own.file('stub/cuda.c'), STUB)
    const compile = ['-shared', '-fPIC', '-Wl,-soname,libcuda.so.1', '-o']
    await promisify(execFile)('cc', [
      ...compile,
      own.file('stub/libcuda.so.1'),
      own.file('stub/cuda.c'),
    ])
    const stub = ['-v', `${own.file('stub')}:/stub:ro`, '-e', 'LD_LIBRARY_PATH=/stub']
    const found = await docker('run', '--rm', ...stub, IMAGE, 'node', '-e', PROBE)
    expect(found).toMatch(/CudaCall|CUDA (failure|error)/i)
    expect(found).not.toMatch(/load shared library|cannot open/)
    const without = await docker('run', '--rm', IMAGE, 'node', '-e', PROBE)
    expect(without).toMatch(/load shared library/)
  }, 120_000)

  test('fetches the checkpoints that are missing, and names one that cannot be had', async () => {
    const some = own.file('some')
    await cp(CHECKPOINTS!, some, { recursive: true })
    await rm(join(some, 'musetalkV15'), { recursive: true })
    const args = { BUNDLE: 'musetalk-v1.5', HF_ENDPOINT: 'http://127.0.0.1:9' }
    const dir = await context('some-context', some)
    const failed = build(`${IMAGE}-some`, args, { target: 'bundle', context: dir })
    await expect(failed).rejects.toThrow(/127\.0\.0\.1:9 refused the connection \(musetalkV15\//)
  }, 300_000)

  test('refuses a bundle and a device that it does not know', async () => {
    const dir = await context('plain', undefined)
    const unknown = (args: Record<string, string>, target: string) =>
      build(`${IMAGE}-unknown`, args, { target, context: dir })
    await expect(unknown({ BUNDLE: 'other' }, 'bundle')).rejects.toThrow(/must be lite or musetalk/)
    await expect(unknown({ DEVICE: 'tpu' }, 'cuda')).rejects.toThrow(/must be cpu or cuda/)
  }, 120_000)
})
