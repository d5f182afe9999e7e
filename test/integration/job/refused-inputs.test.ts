import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { crc32, deflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addCover,
  ffmpeg as run,
  makeSound,
  makeVideo,
  LOSSLESS,
} from '../../helpers/media/media.ts'
import { scenario } from '../../helpers/jobs/scenario.ts'
import { shortlist, variant } from '../../helpers/shortlist.ts'

const at = await scenario()
const good = await makeVideo(at.ffmpeg, at.media.file('good.mp4'), { frames: 3 })

/** Both of a bad file's roles end the same way, and before any model ran. */
async function refused(file: string, code: string, roles = ['video', 'audio']) {
  for (const role of roles) {
    const job = { video: good, audio: at.voice, [role]: file }
    const { error, models } = await at.fail(job)
    expect({ role, code: error.code }).toEqual({ role, code })
    expect(error.message).not.toContain(at.media.path)
    expect(error.retryable).toBe(false)
    expect(models.runs.generate).toBe(0)
  }
}

describe('files that are no media are MEDIA_UNREADABLE', () => {
  const random = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919 * (i >> 3)) & 255)
  const files: readonly [string, Uint8Array][] = [
    ['an empty file', new Uint8Array(0)],
    ['bytes without a meaning', random],
    ['one byte', new Uint8Array(1)],
    ['text', new TextEncoder().encode('hello, this is not a video\n'.repeat(500))],
  ]
  test.each(shortlist(2, files))('%s', async (_, bytes) => {
    const file = at.media.file('bad.mp4')
    await writeFile(file, bytes)
    await refused(file, 'MEDIA_UNREADABLE')
  })

  test('an mp4 that ends before its index', async () => {
    const whole = await makeVideo(at.ffmpeg, at.media.file('whole.mp4'), { frames: 50 })
    const bytes = await readFile(whole)
    const file = at.media.file('nomoov.mp4')
    await writeFile(file, bytes.subarray(0, bytes.indexOf('moov') - 8))
    await refused(file, 'MEDIA_UNREADABLE')
  })

  test('an mp4 that ends within its pictures', async () => {
    const fast = [...LOSSLESS, '-movflags', '+faststart']
    const whole = at.media.file('whole.mp4')
    await makeVideo(at.ffmpeg, whole, { frames: 50, encode: fast })
    const bytes = await readFile(whole)
    const file = at.media.file('cut.mp4')
    await writeFile(file, bytes.subarray(0, Math.floor(bytes.length / 3)))
    const audio = await makeSound(at.ffmpeg, at.media.file('long.wav'), 3)
    const { error } = await at.fail({ video: file, audio })
    expect(error.code).toBe('MEDIA_UNREADABLE')
  })

  variant('an m4a that ends within its sound', async () => {
    const whole = await makeSound(at.ffmpeg, at.media.file('whole.m4a'), 8, [
      ...['-c:a', 'aac', '-b:a', '128k', '-movflags', '+faststart'],
    ])
    const bytes = await readFile(whole)
    const audio = at.media.file('cut.m4a')
    await writeFile(audio, bytes.subarray(0, Math.floor(bytes.length / 2)))
    const video = await makeVideo(at.ffmpeg, at.media.file('face.mp4'))
    const { error } = await at.fail({ video, audio })
    expect(error.code).toBe('MEDIA_UNREADABLE')
  })
})

describe('a playlist that calls itself mp4 opens nothing', () => {
  let requests = 0
  const server = createServer((_, response) => {
    requests++
    response.end()
  })
  let origin = ''
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await makeVideo(at.ffmpeg, at.media.file('secret.ts'), { encode: ['-f', 'mpegts'] })
    await copyFile(at.media.file('secret.ts'), at.media.file('secret.mp4'))
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))

  const hls = (target: string) =>
    `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\n${target}\n#EXT-X-ENDLIST\n`
  const dash = (target: string) =>
    `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" ` +
    `mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">` +
    `<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">` +
    `<BaseURL>${target}</BaseURL></Representation></AdaptationSet></Period></MPD>`
  const sdp = (port: string) =>
    `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video ${port} RTP/AVP 96\n` +
    `a=rtpmap:96 H264/90000\n`
  const concat = (target: string) => `ffconcat version 1.0\nfile '${target}'\n`
  test.each(
    shortlist(5, [
      ['HLS of a local file', () => hls(at.media.file('secret.ts'))],
      ['HLS of an address', () => hls(`${origin}/a.ts`)],
      ['DASH of an address', () => dash(`${origin}/a.mp4`)],
      ['concat of an address', () => concat(`${origin}/a.ts`)],
      ['SDP', () => sdp(new URL(origin).port)],
      ['HLS of a sibling', () => hls('secret.ts')],
      ['HLS through concat', () => hls(`concat:${at.media.file('secret.ts')}|secret.ts`)],
      ['DASH of a local file', () => dash(at.media.file('secret.mp4'))],
      ['concat of a local file', () => concat(at.media.file('secret.ts'))],
      ['concat of a sibling', () => concat('secret.ts')],
    ]),
  )('%s', async (name, text) => {
    const file = at.media.file('list.mp4')
    await writeFile(file, text())
    const roles = name.startsWith('HLS') ? ['video', 'audio'] : ['video']
    await refused(file, 'MEDIA_UNREADABLE', roles)
    expect(requests).toBe(0)
  })
})

describe('what is too large, too long or too small is refused before it is decoded', () => {
  const gray = (size: string) => `nullsrc=s=64x64,scale=${size},setsar=1`
  const lavfi = (source: string, args: string[], name: string) => {
    const file = at.media.file(name)
    return run(at.ffmpeg.path, ['-v', 'error', '-f', 'lavfi', '-i', source, ...args, file]).then(
      () => file,
    )
  }
  test('a picture of 12000x12000', async () => {
    const file = at.media.file('bomb.png')
    await writeFile(file, blackPng(12_000))
    const before = process.memoryUsage.rss()
    await refused(file, 'MEDIA_TOO_LARGE', ['video'])
    expect(process.memoryUsage.rss() - before).toBeLessThan(300e6)
  })
  test('8K video', async () => {
    const encode = ['-frames:v', '2', '-c:v', 'libx264', '-preset', 'ultrafast']
    const file = await lavfi('color=s=7680x4320', encode, '8k.mp4')
    await refused(file, 'MEDIA_TOO_LARGE', ['video'])
  })
  test.each(shortlist(2, ['1x1', '640x32', '16x16']))('a video of %s', async (size) => {
    const args = ['-frames:v', '5', '-c:v', 'ffv1', '-pix_fmt', 'yuv444p']
    const file = await lavfi(gray(size), args, 'small.mkv')
    await refused(file, 'MEDIA_TOO_SMALL', ['video'])
  })
  test('a GIF of 100 000 frames', async () => {
    const one = await readFile(await lavfi('color=s=64x64:r=10', ['-frames:v', '1'], 'one.gif'))
    const frame = one.indexOf(Buffer.from([0x21, 0xf9])) // from its control block to the trailer
    const frames = Array<Buffer>(100_000).fill(one.subarray(frame, -1))
    const file = at.media.file('long.gif')
    await writeFile(file, Buffer.concat([one.subarray(0, frame), ...frames, one.subarray(-1)]))
    await refused(file, 'MEDIA_TOO_LONG', ['video'])
  })
  test('eight hours of silence in 1.4 MB', async () => {
    const file = at.media.file('silence.amr')
    const nothing = Buffer.alloc(8 * 3600 * 50, 0x7c) // one byte says: 20 ms without data
    await writeFile(file, Buffer.concat([Buffer.from('#!AMR\n'), nothing]))
    await refused(file, 'MEDIA_TOO_LONG', ['audio'])
  })
  test('a video that claims a billion frames', async () => {
    const file = await makeVideo(at.ffmpeg, at.media.file('claims.mp4'), { frames: 5 })
    const bytes = await readFile(file)
    bytes.writeUInt32BE(1e9, bytes.indexOf('stts') + 12) // all of the same duration,
    bytes.writeUInt32BE(1, bytes.indexOf('stts') + 16)
    bytes.writeUInt32BE(1, bytes.indexOf('stsz') + 8) // of one byte each,
    bytes.writeUInt32BE(1e9, bytes.indexOf('stsz') + 12)
    bytes.writeUInt32BE(1e9, bytes.indexOf('stsc') + 16) // in one chunk
    const claims = at.media.file('billion.mp4')
    await writeFile(claims, bytes)
    await refused(claims, 'MEDIA_TOO_LONG', ['video'])
  })
  test('more bytes than the limit', async () => {
    const video = await makeVideo(at.ffmpeg, at.media.file('heavy.mp4'))
    const limits = { maxVideoS: 10, maxAudioS: 10, maxPixels: 1e6, maxInputBytes: 1000 }
    const { error } = await at.fail({ video }, { deps: { limits } })
    expect(error.code).toBe('MEDIA_TOO_LARGE')
  })
  test('a video longer than the limit', async () => {
    const video = await makeVideo(at.ffmpeg, at.media.file('long.mp4'), { frames: 60 })
    const limits = { maxVideoS: 2, maxAudioS: 10, maxPixels: 1e6, maxInputBytes: 1e9 }
    const { error } = await at.fail({ video }, { deps: { limits } })
    expect(error.code).toBe('MEDIA_TOO_LONG')
  })
  test('a video longer than the limit that does not say how long it is', async () => {
    const video = at.media.file('live.mkv')
    const encode = [...LOSSLESS, '-f', 'matroska', '-live', '1']
    await makeVideo(at.ffmpeg, video, { frames: 60, encode })
    const limits = { maxVideoS: 2, maxAudioS: 10, maxPixels: 1e6, maxInputBytes: 1e9 }
    const { error } = await at.fail({ video, length: 'video' }, { deps: { limits } })
    expect(error.code).toBe('MEDIA_TOO_LONG')
  })
})

/** A black picture of one bit per pixel. */
function blackPng(side: number): Buffer {
  const chunk = (type: string, body: Buffer) => {
    const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(body.length)
    sum.writeUInt32BE(crc32(named))
    return Buffer.concat([length, named, sum])
  }
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  const rows = deflateSync(Buffer.alloc(side * (1 + Math.ceil(side / 8))))
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const end = Buffer.alloc(0)
  return Buffer.concat([start, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', end)])
}

describe('streams of the wrong kind', () => {
  test('a recording as the video', () => refused(at.voice, 'MEDIA_UNREADABLE', ['video']))
  test('a video without sound as the recording', async () => {
    const silent = await makeVideo(at.ffmpeg, at.media.file('silent.mp4'))
    await refused(silent, 'MEDIA_UNREADABLE', ['audio'])
  })
  test('a recording whose only picture is its cover', async () => {
    const song = await addCover(at.ffmpeg, at.voice, at.media.file('song.mp3'))
    const { error } = await at.fail({ video: song })
    expect(error).toMatchObject({ code: 'MEDIA_UNREADABLE' })
    expect(error.message).toContain('cover art')
  })
  test('sound without a single sample', async () => {
    const file = at.media.file('nothing.wav')
    await makeSound(at.ffmpeg, file, 0, [], 'sine=duration=0.0001:sample_rate=16000')
    const bytes = await readFile(file)
    bytes.writeUInt32LE(0, bytes.indexOf('data') + 4)
    await writeFile(file, bytes.subarray(0, bytes.indexOf('data') + 8))
    await refused(file, 'MEDIA_UNREADABLE', ['audio'])
  })
})
