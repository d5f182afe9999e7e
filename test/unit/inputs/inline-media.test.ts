import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { decodeDataUrl, toDataUrl } from '../../../handler/inputs/inline-media.ts'

describe('the content of a data: URL', () => {
  test.each([0, 1, 2, 3, 62, 63, 64, 1_000_003].filter((n) => n > 0))('of %i bytes', (size) => {
    const bytes = randomBytes(size)
    const base64 = bytes.toString('base64')
    // Byte by byte, `toEqual` takes a second.
    for (const url of [`data:video/mp4;base64,${base64}`, toDataUrl(base64)]) {
      expect(bytes.compare(decodeDataUrl(url) as Buffer)).toBe(0)
    }
  })
  test('without padding, in the alphabet of URLs, in lines', () => {
    const bytes = Buffer.from([0xfb, 0xff, 0xfe, 0xff])
    expect(decodeDataUrl('data:;base64,+//+/w')).toEqual(bytes)
    expect(decodeDataUrl('data:;base64,-__-_w')).toEqual(bytes)
    expect(decodeDataUrl('data:;base64,+//+\n/w==\n')).toEqual(bytes)
    const lines = randomBytes(3000).toString('base64').replace(/.{76}/g, '$&\r\n')
    expect(decodeDataUrl(toDataUrl(lines))).toEqual(Buffer.from(lines, 'base64'))
  })
  test('whose media type has parameters', () => {
    expect(
      decodeDataUrl('data:audio/webm;codecs="opus,vp9";x=1;base64,AAAA'.replace(',vp9', '')),
    ).toEqual(Buffer.alloc(3))
  })
})

test.each([
  ...['data:', 'data:,', 'data:video/mp4,AAAA', 'data:video/mp4;base64', 'data:a b;base64,AAAA'],
  ...[
    'data:;base64,',
    'data:;base64,A',
    'data:;base64,AA%3D',
    'data:;base64,AAA!',
    'data:;base64,=AAA',
  ],
  ...['data:;base64,AA==AAAA', `data:${'a'.repeat(300)};base64,AAAA`],
])('%.40s holds none', (url) => {
  expect(decodeDataUrl(url)).toMatch(/^(must be a data: URL|has a content that is not base64)/)
})
