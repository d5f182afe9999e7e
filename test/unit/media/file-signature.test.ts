import { expect, test } from 'vitest'
import { describeFile } from '../../../handler/render/media/probing/file-signature.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

test.each([
  ['%PDF-1.7\n%\xe2\xe3', 'a PDF document'],
  ['PK\x03\x04\x14\0', 'a ZIP archive, or an office document'],
  ['\0\0\0\x18ftypheic\0\0\0\0mif1', 'a HEIC photo'],
  ['\0\0\0\x1cftypavif\0\0\0\0', 'an AVIF picture'],
  ['RIFF\x10\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0ANIM', 'an animated WebP'],
  ['<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="x">', 'an SVG drawing'],
  ['\n<!DOCTYPE HTML>\n<html>', 'a web page'],
  ['<html lang="en"><body>404', 'a web page'],
  ['<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', 'XML'],
  ['#EXTM3U\n#EXT-X-VERSION:3', 'an HLS playlist'],
  ['<?xml version="1.0"?>\n<MPD xmlns="x">', 'a DASH manifest'],
  ['{"error": "not found"}', 'JSON'],
  ['MThd\0\0\0\x06', 'a MIDI file: notes, no sound'],
  ['hello, this is no video\n', 'text'],
])('%j is %s', (head, what) => expect(describeFile(bytes(head))).toBe(what))

test.each([
  ['an mp4', '\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41'],
  ['a wav', 'RIFF\x24\x08\0\0WAVEfmt '],
  ['a webm', '\x1a\x45\xdf\xa3\x9fB\x86\x81\x01'],
  ['a still WebP', 'RIFF\x10\0\0\0WEBPVP8 \x0a\0\0\0'],
  ['noise', '\x9c\x01\xf7\x88\0\x13'],
  ['nothing', ''],
])('%s is left to ffmpeg', (_, head) => expect(describeFile(bytes(head))).toBeUndefined())
