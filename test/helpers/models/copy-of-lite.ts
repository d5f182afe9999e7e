import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Manifest } from '../../../models/inference/manifest.ts'
import { MANIFEST } from './fake-models.ts'
import { writeProduct } from './onnx.ts'

/** Large enough for an optimized copy. */
const ROWS = 2048
const COLUMNS = 2304

/**
 * A bundle of real graphs that compute means: `generate` is 19 MB and has its weights in a file of
 * their own, the others are small.
 */
export async function writeBundle(folder: string, changes: object = {}): Promise<Manifest> {
  await mkdir(folder, { recursive: true })
  const small = { rows: 4, columns: 4 }
  const large = { rows: ROWS, columns: COLUMNS, beside: true }
  const graphs = {
    encode: await writeProduct(folder, 'encode', { input: 'crop', output: 'latent', ...small }),
    listen: await writeProduct(folder, 'listen', { input: 'pcm', output: 'states', ...small }),
    generate: await writeProduct(folder, 'generate', { input: 'latent', output: 'face', ...large }),
  }
  const data = Array.from({ length: ROWS }, (_, i) => i % 3)
  const mean = data.reduce((sum, each) => sum + each, 0) / ROWS
  const selfTest = [
    {
      graph: 'generate',
      feeds: { latent: { rule: 'data', dims: [1, ROWS], data } },
      expect: { face: { dims: [1, COLUMNS], mean, at: [[7, mean]], tolerance: 1e-4 } },
    },
  ]
  const manifest = { ...MANIFEST, name: 'means', graphs, selfTest, ...changes }
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return manifest
}
