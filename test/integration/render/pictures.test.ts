import { readFile, rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { bodyOf, webServer } from '../../helpers/servers/loopback-server.ts'
import { makeVideo, readVideo, shownCodes } from '../../helpers/media/media.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { shortlist } from '../../helpers/shortlist.ts'

const at = await scenario()
const video = await makeVideo(at.ffmpeg, at.media.file('v.mp4'), { frames: 40 })
const job = { video, length: 'video' }

const POSTERS: readonly [object | true, number][] = [
  [{ at: 0.239 }, 5],
  [true, 0],
  [{ at: 99 }, 39],
  [{ at: 0.2 }, 5],
  [{ at: 1.56 }, 39],
]
test.each(shortlist(1, POSTERS))('a poster %j shows frame %i', async (poster, frame) => {
  const { result } = await at.render({ ...job, output: { poster } })
  expect(result.poster).toMatchObject({ key: `${result.key}.poster.jpg` })
  const picture = await readVideo(at.ffmpeg, result.poster!.url)
  const { width, height } = result
  expect(picture).toMatchObject({ width, height, frames: 1 })
  expect(shownCodes(picture)).toEqual([frame])
  expect(picture.line).toContain('mjpeg')
})

test('a preview shows frames from all of the result, in its shape', async () => {
  const output = { preview: { format: 'gif', frames: 4, width: 96 } }
  const { result } = await at.render({ ...job, output })
  expect(result.poster).toBeUndefined()
  const shown = await readVideo(at.ffmpeg, result.preview!.url)
  expect(shown).toMatchObject({ width: 96, height: 72, frames: 4 })
  expect(shownCodes(shown)).toEqual([5, 15, 25, 35])
})

test('one of a result that has fewer frames shows some again; webp is animated', async () => {
  const short = await makeVideo(at.ffmpeg, at.media.file('short.mp4'), { frames: 3 })
  const { result } = await at.render({
    ...job,
    video: short,
    output: { preview: true, lossless: true },
  })
  const bytes = await readFile(result.preview!.url)
  expect(bytes.length).toBe(result.preview!.bytes)
  expect(bytes.toString('latin1', 8, 16)).toBe('WEBPVP8X')
  expect(bytes.readUInt16LE(24) + 1).toBe(320)
  expect(bytes.includes('ANIM')).toBe(true)
  // What does not change is one frame there, shown longer: of eight the first three show the first.
  expect(durationsOf(bytes)).toEqual([750, 500, 750])
})

/** Milliseconds of each frame of an animated webp. */
const durationsOf = (bytes: Buffer) =>
  [...bytes.toString('latin1').matchAll(/ANMF/g)].map(({ index }) =>
    bytes.readUIntLE(index + 20, 3),
  )

test('the same job again finds them, and makes them anew where one is gone', async () => {
  const again = { ...job, video: at.media.file('v.mp4'), id: 'again', output: { poster: true } }
  await using server = await webServer(
    async (_, response) => void response.end(await readFile(video)),
  )
  const named = { ...again, video: server.url('/v.mp4'), audio: undefined }
  const audio = await readFile(at.voice)
  await using sound = await webServer(async (_, response) => void response.end(audio))
  const sent = { ...named, audio: sound.url('/a.wav') }
  const { result: first } = await at.render(sent)
  const { result: second } = await at.render(sent)
  expect(second).toEqual({ ...first, deduplicated: true })
  await rm(first.poster!.url)
  const { result: third } = await at.render(sent)
  expect(third).toMatchObject({ deduplicated: false, poster: { bytes: first.poster!.bytes } })
})

test('they go where the job says', async () => {
  const put: Record<string, Buffer> = {}
  await using server = await webServer(async (request, response) => {
    put[request.url!] = await bodyOf(request)
    response.end()
  })
  const output = {
    poster: { url: server.url('/p') },
    preview: { url: server.url('/a'), frames: 2 },
  }
  const { result } = await at.render({ ...job, output })
  expect(Object.keys(put).toSorted()).toEqual(['/a', '/p'])
  expect(put['/p']!.length).toBe(result.poster!.bytes)
  expect(result.preview!.url).toBe(server.url('/a'))
})
