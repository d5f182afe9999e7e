import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bundleDirectory, LITE } from '../../../runtime/config/bundle-directory.ts'
import { folder } from '../../helpers/media/media.ts'

test('a bundle is a path, or a name in BUNDLES_DIR, or the embedded one', async () => {
  await using place = await folder()
  const of = (MODEL_BUNDLE?: string) => bundleDirectory({ BUNDLES_DIR: place.path, MODEL_BUNDLE })
  expect(of()).toBe(LITE)
  expect(of('lite')).toBe(LITE)
  expect(of('/models/mine')).toBe('/models/mine')
  expect(of('./mine')).toBe(join(process.cwd(), 'mine'))
  expect(of('models/lite')).toBe(join(process.cwd(), 'models/lite'))
  expect(of('musetalk-v1.5')).toBe(place.file('musetalk-v1.5'))
  expect(of('..')).toBe(join(process.cwd(), '..'))
})

test('a pulled bundle of the name of the embedded one does not hide it', async () => {
  await using place = await folder()
  await mkdir(place.file('lite'))
  await writeFile(place.file('lite/manifest.json'), '{}')
  expect(bundleDirectory({ BUNDLES_DIR: place.path, MODEL_BUNDLE: 'lite' })).toBe(LITE)
})
