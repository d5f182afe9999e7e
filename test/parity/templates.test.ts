import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import {
  canExport,
  EXPORT_NEEDS,
  exporterPython as python,
  parityBundle,
  parityCheckpoints as checkpoints,
} from '../helpers/models/parity.ts'

const templates = new URL('../../models/musetalk-v1.5/narrow', import.meta.url).pathname

const run = async (...args: string[]) =>
  await promisify(execFile)(python, ['-m', ...args], {
    env: { ...process.env, PYTHONPATH: new URL('../../models/export', import.meta.url).pathname },
    maxBuffer: 1 << 24,
  })

/** Packers differ in their bytes. */
async function content(folder: string, name: string) {
  const bytes = await readFile(join(folder, name))
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

describe.skipIf(!canExport)(`templates ${EXPORT_NEEDS}`, () => {
  test('filled with the checkpoints they are the exported bundle', async () => {
    const from = ['--checkpoints', checkpoints, '--templates', templates]
    const { stdout } = await run(
      'musetalk_export.templates.fill',
      ...from,
      '--bundle',
      parityBundle,
    )
    expect(stdout).toMatch(/^\d+ files are what the templates give$/m)
  })

  test('a recipe that takes another tensor does not give the bundle', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'templates-'))
    try {
      await cp(templates, folder, { recursive: true })
      const recipe = await readFile(join(templates, 'recipe.json'), 'utf8')
      const other = recipe.replace(
        '"tensors": ["model.encoder.layers.0.fc1.bias"]',
        '"tensors": ["model.encoder.layers.1.fc1.bias"]',
      )
      expect(other).not.toBe(recipe)
      await writeFile(join(folder, 'recipe.json'), other)
      const from = ['--checkpoints', checkpoints, '--templates', folder]
      const failed = run('musetalk_export.templates.fill', ...from, '--bundle', parityBundle)
      await expect(failed).rejects.toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^listen\.onnx\.data differs between/) as string,
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('are what the exporter makes', { timeout: 1_800_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'templates-'))
    try {
      const made = join(folder, 'narrow')
      await run('musetalk_export', '--checkpoints', checkpoints, '--template', made)
      const names = (await readdir(made)).toSorted()
      expect((await readdir(templates)).toSorted()).toEqual(names)
      expect(names).toContain('recipe.json')
      for (const name of names) {
        const same = Buffer.compare(await content(templates, name), await content(made, name))
        expect(same, `${name}: run the exporter with --template again`).toBe(0)
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
