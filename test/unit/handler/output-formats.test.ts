import { describe, expect, test } from 'vitest'
import { inputDigest } from '../../../handler/job/input-digest.ts'
import { objectName, parseJob } from '../../../handler/job/parse-job.ts'
import { mediaTypeOf } from '../../../handler/storage/storage.ts'

const parse = (output: object) => {
  const inputs = { video_url: 'https://a.example/v.mp4', audio_url: 'https://a.example/a.wav' }
  return parseJob({ id: 'one', ...inputs, output }, undefined, { allowFileInputs: false })
}

describe('the format of a result', () => {
  test.each([
    [{}, 'one.mp4', 'video/mp4'],
    [{ format: 'mp4', codec: 'av1' }, 'one.mp4', 'video/mp4'],
    [{ format: 'webm' }, 'one.webm', 'video/webm'],
    [{ format: 'webm', key: 'a/b.webm' }, 'a/b.webm', 'video/webm'],
    [{ lossless: true }, 'one.mkv', 'video/x-matroska'],
    [{ format: 'mov' }, 'one.mov', 'video/quicktime'],
  ])('%j is named %s', (output, name, type) => {
    expect(objectName(parse(output))).toBe(name)
    expect(mediaTypeOf(name)).toBe(type)
  })

  test('what stands for the default is the same job, and another codec another', () => {
    const digest = (output: object) => inputDigest(parse(output))
    const plain = digest({})
    expect(digest({ format: 'mp4' })).toBe(plain)
    expect(digest({ format: 'mp4', codec: 'h264' })).toBe(plain)
    expect(digest({ format: 'webm', codec: 'vp9' })).toBe(digest({ format: 'webm' }))
    const others = [{ codec: 'av1' }, { format: 'webm' }, { format: 'webm', codec: 'av1' }]
    expect(new Set([plain, ...others.map(digest)]).size).toBe(4)
  })

  test.each([
    [{ format: 'avi' }, 'output.format: '],
    [{ codec: 'vp9' }, 'output.codec: must be one of h264, hevc, av1 in mp4'],
    [{ format: 'webm', codec: 'hevc' }, 'output.codec: must be one of vp9, av1 in webm'],
    [{ format: 'webm', stream: true }, 'output.stream: is for mp4 results'],
    [{ format: 'webm', key: 'a.mp4' }, 'output.key: must end in .webm'],
    [{ format: 'mov', stream: true }, 'output.stream: is for mp4 results'],
    [{ format: 'mov', key: 'a.mp4' }, 'output.key: must end in .mov'],
    [{ format: 'mov', crf: 20 }, 'output.crf: is not for mov'],
    [{ format: 'mov', bitrate: 'source' }, 'output.bitrate: is not for mov'],
    [{ format: 'mov', codec: 'h264' }, 'output.codec: must be one of prores in mov'],
    [{ lossless: true, stream: true }, 'output.stream: is not for lossless results'],
    [{ lossless: true, codec: 'av1' }, 'output.codec: is not for lossless results'],
  ])('%j is refused', (output, message) => {
    expect(() => parse(output)).toThrow(message)
  })

  test('parts are refused of a video that is watched while it is made', () => {
    const job = { video: 'https://a.test/v', audio: 'https://a.test/a', split: { seconds: 60 } }
    const rules = { allowFileInputs: false }
    expect(() => parseJob({ ...job, output: { stream: true } }, undefined, rules)).toThrow(
      'split: is not for output.stream',
    )
    expect(parseJob(job, undefined, rules).split).toEqual({ seconds: 60 })
  })
})

describe('what a result says of its making', () => {
  const digestOf = (provenance: boolean | undefined, unasked: boolean) => {
    const inputs = { video_url: 'https://a.example/v.mp4', audio_url: 'https://a.example/a.wav' }
    const rules = { allowFileInputs: false, provenance: { version: '1', unasked } }
    const output = provenance === undefined ? {} : { provenance }
    return inputDigest(parseJob({ id: 'one', ...inputs, output }, undefined, rules))
  }
  test('what the worker does unasked is the same job, the contrary another', () => {
    const plain = digestOf(undefined, true)
    expect(digestOf(undefined, false)).toBe(plain)
    expect([digestOf(true, true), digestOf(false, false)]).toEqual([plain, plain])
    expect(new Set([plain, digestOf(false, true), digestOf(true, false)]).size).toBe(3)
  })
  test('is yes or no', () => {
    expect(() => parse({ provenance: 'yes' })).toThrow('output.provenance: ')
  })
})

describe('pictures of a result', () => {
  const digest = (output: object) => inputDigest(parse(output))
  test('are the same job however they are written, wherever they go', () => {
    expect(parse({ poster: true }).output.poster).toEqual({ at: 0 })
    expect(parse({ preview: true }).output.preview).toEqual({
      format: 'webp',
      frames: 8,
      width: 320,
    })
    expect(parse({ poster: false, preview: false }).output).toEqual(parse({}).output)
    expect(digest({ poster: {} })).toBe(digest({ poster: true }))
    expect(digest({ preview: { width: 320 } })).toBe(digest({ preview: true }))
    expect(digest({ poster: { url: 'https://a.example/p' } })).toBe(digest({ poster: true }))
    expect(digest({ preview: { frames: 9 } })).not.toBe(digest({ preview: true }))
  })
  test.each([
    { poster: { at: 0 } },
    { poster: { at: 1e6 } },
    { preview: { frames: 2, width: 64, format: 'gif' } },
    { preview: { frames: 24, width: 640 } },
    { url: 'https://a.example/put', poster: { url: 'https://a.example/p' }, preview: false },
  ])('%j is taken', (output) => expect(() => parse(output)).not.toThrow())
  test.each([
    [{ poster: { at: -1 } }, 'output.poster'],
    [{ poster: 'yes' }, 'output.poster'],
    [{ poster: { when: 1 } }, 'output.poster'],
    [{ preview: { frames: 1 } }, 'output.preview'],
    [{ preview: { frames: 25 } }, 'output.preview'],
    [{ preview: { width: 63 } }, 'output.preview'],
    [{ preview: { width: 641 } }, 'output.preview'],
    [{ preview: { format: 'png' } }, 'output.preview'],
    [{ url: 'https://a.example/put', poster: true }, 'output.poster: needs a url of its own'],
    [{ url: 'https://a.example/put', preview: {} }, 'output.preview: needs a url of its own'],
  ])('%j is refused', (output, message) => expect(() => parse(output)).toThrow(message))
})

test('what MuseTalk’s own rules make has no alpha', () => {
  const inputs = { video_url: 'https://a.example/v.mp4', audio_url: 'https://a.example/a.wav' }
  const job = { ...inputs, compat: 'reference', output: { format: 'mov' } }
  const refused = () => parseJob(job, undefined, { allowFileInputs: false })
  expect(refused).toThrow('output.format: mov is not for compat')
})

describe('the bitrate of a result', () => {
  test.each([50, 200_000, 'source'])('%j is taken', (bitrate) => {
    expect(parse({ bitrate }).output.bitrate).toBe(bitrate)
  })
  test.each([
    [{ bitrate: 49 }, 'output.bitrate'],
    [{ bitrate: 200_001 }, 'output.bitrate'],
    [{ bitrate: 99.5 }, 'output.bitrate'],
    [{ bitrate: 'best' }, 'output.bitrate'],
    [{ bitrate: 500, crf: 20 }, 'output.bitrate: is another way to say crf'],
    [{ bitrate: 500, lossless: true }, 'output.bitrate: is not for lossless results'],
  ])('%j is refused', (output, message) => expect(() => parse(output)).toThrow(message))
})
