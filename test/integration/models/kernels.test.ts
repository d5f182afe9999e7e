import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')

// The compiler takes five seconds of a quiet core.
test('kernels.wasm is what its source compiles to', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const dir = await mkdtemp(join(tmpdir(), 'musetalk-kernels-'))
  try {
    const made = join(dir, 'kernels.wasm')
    const build = scripts['build:kernels']!.replace('models/pixels/kernels.wasm', made)
    expect(build).toContain(made)
    await promisify(execFile)('sh', ['-c', build], { cwd: root })
    const kept = await readFile(join(root, 'models/pixels/kernels.wasm'))
    const hint = 'run `npm run build:kernels` and commit models/pixels/kernels.wasm'
    expect(Buffer.compare(await readFile(made), kept), hint).toBe(0)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
