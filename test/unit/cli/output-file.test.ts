import { link, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { MADE_BY } from '../../../handler/render/encode/encoder-args.ts'
import { checkOutput, type WantedOutput } from '../../../runtime/cli/output-file.ts'
import { folder } from '../../helpers/media/media.ts'

const dir = await folder()
afterAll(() => dir[Symbol.asyncDispose]())
const [video, audio] = [dir.file('face.mp4'), dir.file('speech.wav')]
await writeFile(video, 'pictures')
await writeFile(audio, 'sound')

const check = (wanted: Partial<WantedOutput>, ask?: () => Promise<boolean>) =>
  checkOutput(
    { out: undefined, directory: dir.path, job: { video, audio }, force: false, ...wanted },
    ask,
  )

describe('an input is never replaced', () => {
  test.each(['face.mp4', 'linked.mp4', 'hard.mp4', 'upwards.mp4'])('%s', async (name) => {
    await symlink(video, dir.file('linked.mp4')).catch(() => {})
    await link(video, dir.file('hard.mp4')).catch(() => {})
    const out = name === 'upwards.mp4' ? relative(process.cwd(), video) : dir.file(name)
    await expect(check({ out, force: true })).rejects.toThrow('is an input')
    await expect(
      check({ out, force: true, job: { video_url: `file://${video}`, audio } }),
    ).rejects.toThrow('is an input')
  })
})

describe('an input is never replaced, wherever the job names it', () => {
  const speakers = dir.file('second.mp4')
  test.each([
    ['of a segment', { segments: [{ from: 0, to: 1, audio: speakers }] }],
    ['of a face', { face: { boxes_url: speakers } }],
    ['of one of several faces', { faces: [{ audio_url: `file://${speakers}` }] }],
  ])('%s', async (_, more) => {
    await writeFile(speakers, 'sound')
    const job = { video, audio, ...more }
    await expect(check({ out: speakers, job, force: true })).rejects.toThrow('is an input')
  })
  test('by a picture beside the result', async () => {
    const still = dir.file('talk.mp4.poster.jpg')
    await writeFile(still, 'picture')
    const job = { video: still, audio, output: { poster: { at: 1 } } }
    await expect(check({ out: dir.file('talk.mp4'), job })).rejects.toThrow('is an input')
    await check({ out: dir.file('talk.mp4'), job: { video: still, audio } })
  })
  test.each([{ id: 'face' }, { output: { key: 'face.mp4' } }])(
    'by the name that %j gives the result',
    async (more) => {
      await expect(check({ job: { video, audio, ...more } })).rejects.toThrow('is an input')
      await check({ job: { video: audio, audio, ...more } })
    },
  )
})

describe('another file', () => {
  const out = dir.file('precious.mp4')
  test('needs a word', async () => {
    await writeFile(out, 'precious')
    await expect(check({ out })).rejects.toThrow('exists; add --force to replace it')
    await check({ out, force: true })
  })
  test('is asked for at a terminal', async () => {
    await writeFile(out, 'precious')
    await expect(check({ out }, async () => false)).rejects.toThrow('was kept')
    await check({ out }, async () => true)
  })
  test('needs none where this program made it', async () => {
    const made = dir.file('made.mp4')
    await writeFile(made, `moov${'.'.repeat(100_000)}${MADE_BY}`)
    await check({ out: made })
  })
})

test('a name that says something else than mp4 is refused', async () => {
  for (const name of ['talk.mov', 'talk.webm', 'talk.MKV', 'talk.wav']) {
    await expect(check({ out: dir.file(name) })).rejects.toThrow('end its name in .mp4')
  }
  for (const name of ['talk.mp4', 'talk.M4V', 'talk']) await check({ out: dir.file(name) })
  const job = { video, audio, output: { lossless: true } }
  await expect(check({ out: dir.file('talk.mp4'), job })).rejects.toThrow('end its name in .mkv')
  await check({ out: dir.file('talk.mkv'), job })
  const webm = { video, audio, output: { format: 'webm' } }
  await expect(check({ out: dir.file('talk.mp4'), job: webm })).rejects.toThrow('name in .webm')
  await check({ out: dir.file('talk.webm'), job: webm })
})

test('a place that cannot be written is told before the render', async () => {
  await expect(check({ out: join(audio, 'talk.mp4') })).rejects.toThrow('nothing can be written')
  await expect(check({ directory: join(audio, 'outputs') })).rejects.toThrow('OUTPUT_DIR')
  await mkdir(dir.file('sub.mp4'))
  await expect(check({ out: dir.file('sub.mp4') })).rejects.toThrow('is a folder')
  await check({ out: join(dir.path, 'new', 'talk.mp4') })
  expect(await readdir(dir.file('new'))).toEqual([]) // nothing of the trial is left
})
