import { expect, test } from 'vitest'
import { toEncodeError } from '../../../handler/render/encode/encode-video.ts'

const ended = (stderr: string) => toEncodeError({ code: 1, signal: null, stderr, freeMemory: 8e9 })

const UNOPENED =
  'Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0 - ' +
  'maybe incorrect parameters such as bit_rate, rate, width or height\n'

test.each([
  ['no thread, of which x264 says nothing', UNOPENED],
  ['no memory', `x264 [error]: malloc of size 2379452 failed\n${UNOPENED}`],
])('an encoder that gets %s is the machine’s fault', (_, stderr) => {
  expect(ended(stderr)).toMatchObject({ code: 'OUT_OF_MEMORY', fault: 'worker', retryable: true })
})

test.each([
  'av_interleaved_write_frame(): Input/output error\n',
  'Error writing trailer of file:/scratch/o.mp4: Input/output error\n',
  'file:/scratch/o.mp4: Read-only file system\n',
])('a disk that fails is the machine’s fault: %s', (stderr) => {
  expect(ended(stderr)).toMatchObject({ code: 'DISK_FULL', fault: 'worker', retryable: true })
})

test('settings that it does not take are ours', () => {
  const named = `[libx264 @ 0x1] Error setting profile high10.\n${UNOPENED}`
  expect(ended(named)).toMatchObject({ code: 'BUG' })
})
