import { readFile, truncate, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Ffmpeg } from '../../../../handler/render/media/ffmpeg.ts'
import { verifyOutput } from '../../../../handler/render/encode/verify-output.ts'
import { ffmpeg as run, folder, testFfmpeg, type Folder } from '../../../helpers/media/media.ts'

const PLANNED = { width: 64, height: 64, frames: 50, soundS: 2 }
const PICTURE = ['-f', 'lavfi', '-i', 'testsrc=s=64x64:r=25:d=2']
const SOUND = ['-f', 'lavfi', '-i', 'sine=d=2']
const MP4 = ['-c:v', 'libx264', '-c:a', 'aac', '-shortest']

let at: Folder
let ffmpeg: Ffmpeg
beforeAll(async () => {
  at = await folder()
  ffmpeg = await testFfmpeg()
})
afterAll(() => at[Symbol.asyncDispose]())

async function make(name: string, ...args: string[]): Promise<string> {
  const file = at.file(name)
  await run(ffmpeg.path, ['-v', 'error', ...args, file])
  return file
}
const good = (name: string, ...more: string[]) => make(name, ...PICTURE, ...SOUND, ...MP4, ...more)
const signal = AbortSignal.timeout(300_000)

describe.each(['ffprobe', 'ffmpeg alone'])('by %s', (tool) => {
  const verify = (file: string) => {
    const { probe, ...alone } = ffmpeg
    const tools = tool === 'ffprobe' ? { ...alone, probe: probe! } : alone
    return verifyOutput(file, PLANNED, { ffmpeg: tools, signal })
  }
  const refusal = (message: string) => ({ code: 'ENGINE_LOST', retryable: true, message })

  test('what was planned is let through: mp4, in fragments, Matroska', async () => {
    await verify(await good('a.mp4', '-movflags', '+faststart'))
    const flags = ['-movflags', '+frag_keyframe+empty_moov', '-frag_duration', '500000']
    await verify(await good('b.mp4', ...flags))
    await verify(await make('c.mkv', ...PICTURE, ...SOUND, '-c:v', 'ffv1', '-c:a', 'flac'))
  })

  test('one without its index cannot be read', async () => {
    const file = await good('no-moov.mp4')
    const bytes = await readFile(file)
    await writeFile(file, bytes.subarray(0, bytes.lastIndexOf('moov') - 4))
    await expect(verify(file)).rejects.toThrow(/cannot be read/)
  })

  test('a picture that is missing is found, in mp4 and in one that was cut', async () => {
    const short = await good('short.mp4', '-frames:v', '49')
    await expect(verify(short)).rejects.toMatchObject(
      refusal('the finished file is not what was planned: 49 of 50 pictures'),
    )
    const file = await make('cut.mkv', ...PICTURE, ...SOUND, '-c:v', 'ffv1', '-c:a', 'flac')
    await truncate(file, Math.floor((await readFile(file)).length * 0.6))
    await expect(verify(file)).rejects.toThrow(/ of 50 pictures/)
  })

  test('one without sound is found', async () => {
    await expect(verify(await make('mute.mp4', ...PICTURE, '-c:v', 'libx264'))).rejects.toThrow(
      /no sound/,
    )
  })
})

test('sound that ends early, and another size, are found', async () => {
  const verify = (file: string) => verifyOutput(file, PLANNED, { ffmpeg, signal })
  const soon = [...PICTURE, '-f', 'lavfi', '-i', 'sine=d=1']
  const early = await make('early.mp4', ...soon, ...MP4.slice(0, 4))
  await expect(verify(early)).rejects.toThrow('1.0 of 2.0 s of sound')
  const matroska = await make('early.mkv', ...soon, '-c:v', 'ffv1', '-c:a', 'flac')
  await expect(verify(matroska)).rejects.toThrow('1.0 of 2.0 s of sound')
  await expect(verify(await good('large.mp4', '-s', '128x64'))).rejects.toThrow(
    '128x64 px instead of 64x64',
  )
})
