import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { sha256File } from '../../models/system/sha256-file.ts'
import { startOfficialHub } from '../helpers/hub/official-hub.ts'
import { pullInProcess } from '../helpers/hub/pull-process.ts'
import { folder } from '../helpers/media/media.ts'
import {
  canExport,
  EXPORT_NEEDS,
  exporterPython as python,
  parityBundle,
  parityCheckpoints as checkpoints,
} from '../helpers/models/parity.ts'

/** The same checkpoints as `--precision fp16 --cuda` makes of them: what a card gets. */
const halfBundle = process.env['PARITY_BUNDLE_FP16'] ?? ''
const SCRIPT = fileURLToPath(new URL('./other_formats.py', import.meta.url))
const MAX_BYTES = 600 * 2 ** 20

/** Every file of a bundle but its manifest, by its SHA-256. */
async function digests(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).filter((name) => name !== 'manifest.json').toSorted()
  const signal = AbortSignal.timeout(300_000)
  const found = names.map(async (name) => [name, await sha256File(join(directory, name), signal)])
  return Object.fromEntries(await Promise.all(found))
}

/** All that does not depend on who made the bundle, of which twins, and by which names whose weights are known. */
async function facts(directory: string): Promise<unknown> {
  const text = await readFile(join(directory, 'manifest.json'), 'utf8')
  const twins = text
    .replaceAll('diffusion_pytorch_model.safetensors', 'diffusion_pytorch_model.bin')
    .replaceAll('whisper/model.safetensors', 'whisper/pytorch_model.bin')
    .replaceAll(/: (?:random weights, golden set \w+|unknown weights)/g, '')
  return { ...(JSON.parse(twins) as object), selfTest: undefined }
}

/** Pull a bundle, and compare it with one that the exporter made. */
async function expectSame(exported: string, files: string, out: string, form: string[]) {
  await using hub = await startOfficialHub(files)
  const args = [...form, '--allow-unknown']
  const { status, events, peak } = await pullInProcess(hub.endpoint, out, args)
  expect(events.at(-1)).toMatchObject({ type: 'done', present: false })
  expect(status).toBe(0)
  expect(await digests(out)).toEqual(await digests(exported))
  expect(await facts(out)).toEqual(await facts(exported))
  expect(peak).toBeGreaterThan(0)
  expect(peak).toBeLessThan(MAX_BYTES)
}

describe.skipIf(!canExport)(`a bundle pulled from a hub, without Python ${EXPORT_NEEDS}`, () => {
  test.each([
    ['as they are published', ''],
    ['in newer formats', 'new'],
    ['in older formats', 'old'],
  ])(
    "is the exporter's to the byte, of files %s",
    async (_, mix) => {
      await using place = await folder()
      if (mix) await promisify(execFile)(python, [SCRIPT, checkpoints, place.file(mix), mix])
      const files = mix ? place.file(mix) : checkpoints
      await expectSame(parityBundle, files, place.file('bundle'), ['--precision', 'fp32'])
    },
    180_000,
  )

  test.skipIf(!halfBundle)(
    "for a card is the exporter's to the byte (needs PARITY_BUNDLE_FP16 too)",
    async () => {
      await using place = await folder()
      const form = ['--precision', 'fp16', '--cuda']
      await expectSame(halfBundle, checkpoints, place.file('bundle'), form)
      expect(await readdir(halfBundle)).toContain('generate.cuda.onnx')
    },
    180_000,
  )
})
