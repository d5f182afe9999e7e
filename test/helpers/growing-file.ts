import { appendFile } from 'node:fs/promises'
import { afterEach, beforeEach } from 'vitest'
import { createGrowingFile, type GrowingFileOwner } from '../../handler/system/growing-file.ts'
import { folder, type Folder } from './media/media.ts'

/** A file for each test, that grows as the test says. */
export function growingFile() {
  let dir: Folder
  let file: GrowingFileOwner
  beforeEach(async () => {
    dir = await folder()
    file = createGrowingFile(dir.file('video.mp4'))
  })
  afterEach(() => dir[Symbol.asyncDispose]())
  return {
    get file() {
      return file
    },
    /** What the file's writer does, and its owner tells. */
    async append(text: string) {
      await appendFile(file.path, text)
      file.grown()
    },
    /** Another one beside it. */
    beside: (name: string) => createGrowingFile(dir.file(name)),
  }
}
