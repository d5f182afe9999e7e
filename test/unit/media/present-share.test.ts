import { expect, test } from 'vitest'
import { presentShare } from '../../../handler/render/media/probing/present-share.ts'

const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')
const text = (ascii: string) => Buffer.from(ascii, 'latin1').toString('hex')

const wav = (size: string) => hex(text('RIFF'), size, text('WAVEfmt '))
const wave64 = (size: string) => hex(text('riff'), '2e91cf11a5d628db04c10000', size, text('wave'))
const caf = (size: string) =>
  hex(text('caff'), '00010000', text('desc'), '0000000000000002', '0000', text('data'), size)
const asf = (size: string, flags: string) =>
  hex(
    ...['3026b2758e66cf11a6d900aa0062ce6c', 'f702000000000000', '060000000102'],
    ...['a1dcab8c47a9cf118ee400c00c205365', '6800000000000000', '00'.repeat(16)],
    ...[size, '00'.repeat(40), flags, '00'.repeat(12)],
  )

test.each([
  ['a wav', wav('f8030000'), 1024],
  ['a Wave64', wave64('0004000000000000'), 1024],
  ['a CAF', caf('00000000000003de'), 1024],
  ['a wma', asf('0004000000000000', '02000000'), 1024],
])('%s says how large it is', (_, head, whole) => {
  expect(presentShare(head, whole)).toBe(1)
  expect(presentShare(head, whole * 0.75)).toBe(0.75)
  expect(presentShare(head, whole + 5000)).toBe(1) // what was added to it does not matter
})

test.each([
  ['a wav that was streamed', wav('ffffffff')],
  ['a wav whose writer was stopped', wav('00000000')],
  ['a CAF that goes on to its end', caf('ffffffffffffffff')],
  ['a CAF whose sound comes later than was read', caf('00000000000003de').subarray(0, 24)],
  ['a wma that was sent while it was made', asf('0004000000000000', '01000000')],
  ['a wma of which little was read', asf('0004000000000000', '02000000').subarray(0, 60)],
  ['an mp4', hex('00000020', text('ftypisom'))],
  ['nothing', Buffer.alloc(0)],
])('%s does not', (_, head) => expect(presentShare(head, 10)).toBe(1))
