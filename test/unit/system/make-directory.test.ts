import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { makeDirectory } from '../../../models/system/make-directory.ts'

const root = await mkdtemp(join(tmpdir(), 'make-directory-'))
afterAll(() => rm(root, { recursive: true }))

test('a folder is made with those that it lies in, and may be there', async () => {
  const path = join(root, 'a/b/c')
  await Promise.all([makeDirectory(path), makeDirectory(join(root, 'a/b/d'))])
  await makeDirectory(path)
  expect((await stat(path)).isDirectory()).toBe(true)
  await makeDirectory('/')
})

test('what cannot be is said, and soon', async () => {
  await writeFile(join(root, 'file'), '')
  await expect(makeDirectory(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeDirectory(join(root, 'file/a'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  await symlink(join(root, 'gone/volume'), join(root, 'dangling'))
  await expect(makeDirectory(join(root, 'dangling'))).rejects.toMatchObject({ code: 'EEXIST' })
})

test.skipIf(process.platform !== 'linux')('there is no folder below /proc', async () => {
  await expect(makeDirectory('/proc/nowhere/a')).rejects.toMatchObject({ code: 'ENOENT' })
})
