import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkFiles } from '../../models/inference/file-verification.ts'
import { filesOf, readManifest, type Manifest } from '../../models/inference/manifest.ts'
import { fillBundle, type CheckpointFile } from '../../models/templates/fill-bundle.ts'
import { folder, type Folder } from '../helpers/media/media.ts'

const TEMPLATES = resolve(import.meta.dirname, '../../models/musetalk-v1.5')
/** The narrow checkpoints, and what the Python exporter makes of them; see .ci/parity. */
const {
  PARITY_CHECKPOINTS: checkpoints = '',
  PARITY_BUNDLE: single = '',
  PARITY_CUDA_BUNDLE: half = '',
  PARITY_PYTHON: python = '',
} = process.env
const templates = existsSync(join(TEMPLATES, 'narrow/recipe.json'))
const can = checkpoints && single && half && python && templates
const NEEDS =
  '(needs the narrow templates, PARITY_CHECKPOINTS, PARITY_BUNDLE, PARITY_CUDA_BUNDLE and PARITY_PYTHON)'

const WEIGHTS = [
  'musetalkV15/unet.pth',
  'sd-vae/diffusion_pytorch_model.bin',
  'whisper/pytorch_model.bin',
  'face-parse-bisent/79999_iter.pth',
  's3fd-619a316812.pth',
  'dwpose/dw-ll_ucoco_384.pth',
]
const CONFIGS = ['musetalkV15/musetalk.json', 'sd-vae/config.json', 'whisper/config.json']

describe.skipIf(!can)(`a bundle without Python ${NEEDS}`, { timeout: 600_000 }, () => {
  let place: Folder
  beforeAll(async () => {
    place = await folder()
  })
  afterAll(() => place[Symbol.asyncDispose]())

  /** The same weights in another format; files that are not named stay as they are. */
  async function rewrite(format: string, files: string[]): Promise<Record<string, CheckpointFile>> {
    const out = place.file(format)
    const script = join(import.meta.dirname, 'other_formats.py')
    if (files.length > 0) {
      await promisify(execFile)(python, [script, checkpoints, out, format, ...files])
    }
    return Object.fromEntries(
      [...WEIGHTS, ...CONFIGS].map((path) => [
        path,
        { file: join(files.includes(path) ? out : checkpoints, path) },
      ]),
    )
  }

  async function fill(files: Record<string, CheckpointFile>, of: 'fp32' | 'fp16', name: string) {
    const out = place.file(name)
    await mkdir(out)
    const signal = AbortSignal.timeout(600_000)
    const variant = { precision: of, cuda: of === 'fp16' }
    const made = await fillBundle({
      templates: TEMPLATES,
      checkpoints: files,
      out,
      ...variant,
      signal,
    })
    expect(made).toEqual({ set: 'narrow' })
    const { manifest, id } = await readManifest(out)
    await checkFiles(out, id, filesOf(manifest), undefined)
    return manifest
  }

  const files = (manifest: Manifest) =>
    filesOf(manifest).toSorted((a, b) => (a.file < b.file ? -1 : 1))

  test('as the files are: single precision, and the manifest too but for its golden numbers', async () => {
    const made = await fill(await rewrite('zip', []), 'fp32', 'bundle')
    const { manifest } = await readManifest(single)
    expect(files(made)).toEqual(files(manifest))
    const raw = async (at: string) =>
      JSON.parse(await readFile(join(at, 'manifest.json'), 'utf8')) as object
    const { selfTest: _, ...rest } = (await raw(single)) as { selfTest: unknown }
    expect(await raw(place.file('bundle'))).toEqual({ ...rest, selfTest: [] })
  })

  test('as the files are: half precision and CUDA', async () => {
    const { manifest } = await readManifest(half)
    expect(files(await fill(await rewrite('zip', []), 'fp16', 'half'))).toEqual(files(manifest))
  })

  test.each<[string, string, string[]]>([
    ['files of before torch 1.6', 'legacy', WEIGHTS],
    ['safetensors', 'safetensors', WEIGHTS],
    ['weights in another order of their axes', 'strided', WEIGHTS],
    ['some old, some new', 'mixed', WEIGHTS.slice(0, 3)],
  ])('%s give the same bytes', async (_, format, which) => {
    const kind = format === 'mixed' ? 'legacy' : format
    const made = await fill(await rewrite(kind, which), 'fp32', `bundle-${format}`)
    const { manifest } = await readManifest(single)
    expect(files(made)).toEqual(files(manifest))
  })
})
