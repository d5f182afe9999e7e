import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { toEncodeError } from '../../../handler/render/encode/encode-video.ts'
import { findFfmpeg } from '../../../handler/render/media/find-ffmpeg.ts'

const root = await mkdtemp(join(tmpdir(), 'find-ffmpeg-'))
afterAll(() => rm(root, { recursive: true }))

async function found(script: string) {
  const path = join(root, 'ffmpeg')
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return findFfmpeg(path, AbortSignal.timeout(300_000))
}

test('an ffmpeg is one that says so', async () => {
  const banner = 'ffmpeg version n7.1-static Copyright'
  expect(await found(`echo "${banner}"`)).toMatchObject({ version: 'n7.1-static', soxr: false })
})

test.each([
  ['another program', 'exit 0'],
  ['one that lacks a library', 'echo "error while loading shared libraries" >&2; exit 127'],
  ['one that the kernel ends', 'kill -KILL $$'],
])('%s is none, and no job is to find that out', async (_, script) => {
  await expect(found(script)).rejects.toMatchObject({
    code: 'FFMPEG_MISSING',
    retryable: true,
    message: expect.stringContaining('FFMPEG_PATH ("ffmpeg") names a program that is no ffmpeg'),
  })
})

test('an ffmpeg without an encoder is to be mended by whoever runs it', () => {
  const stderr = "Unknown encoder 'libx264'\n"
  const error = toEncodeError({ code: 1, signal: null, stderr, freeMemory: 2 ** 34 })
  expect(error).toMatchObject({ code: 'FFMPEG_MISSING', fault: 'worker', retryable: true })
  expect(error.message).toContain('"libx264"')
})
