import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeAtomically } from '../../../models/system/write-atomic.ts'

let root: string
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'atomic-'))))
afterEach(() => rm(root, { recursive: true, force: true }))

test('a reader sees the former content until the new one is whole', async () => {
  const file = join(root, 'new', 'folder', 'a.json')
  await writeAtomically(file, 'first', { fsync: true })
  await writeAtomically(file, async (partial) => {
    await writeFile(partial, 'sec')
    expect(await readFile(file, 'utf8')).toBe('first')
    await writeFile(partial, 'second')
  })
  expect(await readFile(file, 'utf8')).toBe('second')
  expect(await readdir(join(root, 'new', 'folder'))).toEqual(['a.json'])
})

test('what fails leaves neither half a file nor the former one changed', async () => {
  const file = join(root, 'a')
  await writeAtomically(file, 'first')
  const failing = writeAtomically(file, async (partial) => {
    await writeFile(partial, 'sec')
    throw new Error('the disk is full')
  })
  await expect(failing).rejects.toThrow('the disk is full')
  expect(await readdir(root)).toEqual(['a'])
  expect(await readFile(file, 'utf8')).toBe('first')
})

test('two writers of one file are each whole', async () => {
  const file = join(root, 'a')
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(1000))
  await Promise.all(texts.map((text) => writeAtomically(file, text)))
  expect(texts).toContain(await readFile(file, 'utf8'))
  expect(await readdir(root)).toEqual(['a'])
})
