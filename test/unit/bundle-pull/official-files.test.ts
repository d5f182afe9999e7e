import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readOfficialFiles } from '../../../runtime/bundle-pull/official-files.ts'

const templates = fileURLToPath(new URL('../../../models/musetalk-v1.5', import.meta.url))

test('the official files are pinned: a hash, a license, and a revision that is a commit', async () => {
  const { slots } = await readOfficialFiles(templates)
  expect(slots.filter(({ optional }) => optional).map(({ name }) => name)).toEqual([
    'detector',
    'pose',
  ])
  expect(slots.filter(({ license }) => license.length < 3)).toEqual([])
  const files = slots.flatMap((slot) => slot.files)
  expect(files.find(({ path }) => path === 'musetalkV15/unet.pth')?.bytes).toBe(3_400_074_924)
  for (const { path, sources } of files) {
    const [first] = sources
    expect(first, path).toMatchObject({ revision: expect.stringMatching(/^[0-9a-f]{40}$/) })
  }
  expect(new Set(files.map(({ sha256 }) => sha256)).size).toBe(files.length)
})
