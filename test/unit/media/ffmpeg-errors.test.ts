import { describe, expect, test } from 'vitest'
import { toInputError, toSystemError } from '../../../handler/render/media/ffmpeg-errors.ts'
import type { ProcessResult } from '../../../handler/render/media/ffmpeg.ts'

const ended = (changes: Partial<ProcessResult>): ProcessResult => ({
  ...{ code: 1, signal: null, stderr: '', freeMemory: 2 ** 34 },
  ...changes,
})
const killed = (signal: NodeJS.Signals) => ended({ code: null, signal })
const FORGED = '[mov,mp4 @ 0x1] error reading header\na.m4a: Cannot allocate memory\n'

describe('the end of an ffmpeg that was this machine’s fault', () => {
  test.each([
    ['the kernel short of memory', killed('SIGKILL'), 'OUT_OF_MEMORY'],
    ['no memory', ended({ stderr: '[x @ 0x1] Cannot allocate memory' }), 'OUT_OF_MEMORY'],
    [
      'no memory, even for a header',
      ended({ stderr: FORGED, freeMemory: 2 ** 28 }),
      'OUT_OF_MEMORY',
    ],
    [
      'no memory, and not much left',
      ended({ stderr: 'Cannot allocate memory', overCeiling: true, freeMemory: 2 ** 28 }),
      'OUT_OF_MEMORY',
    ],
    ['no thread', ended({ stderr: 'Resource temporarily unavailable' }), 'OUT_OF_MEMORY'],
    ['no thread, as a codec says it', ended({ stderr: 'pthread_create failed' }), 'OUT_OF_MEMORY'],
    ['no descriptor', ended({ stderr: 'a.mp4: Too many open files' }), 'OUT_OF_MEMORY'],
    [
      'no disk, though it ends well',
      ended({ code: 0, stderr: 'No space left on device' }),
      'DISK_FULL',
    ],
    [
      'no memory for a picture, though it ends well',
      ended({ code: 0, stderr: 'Cannot allocate memory', freeMemory: 2 ** 28 }),
      'OUT_OF_MEMORY',
    ],
    ['no quota', ended({ stderr: 'Disk quota exceeded' }), 'DISK_FULL'],
    ['a program that is gone', ended({ code: 127, stderr: 'sh: not found' }), 'FFMPEG_MISSING'],
    ['a signal to the whole service', killed('SIGTERM'), 'ENGINE_LOST'],
    ['a signal that it handled, in silence', ended({ code: 255 }), 'ENGINE_LOST'],
    [
      'a signal that it handled',
      ended({ code: 255, stderr: 'Exiting normally, received signal 15.' }),
      'ENGINE_LOST',
    ],
    [
      'a signal that came while it opened the file',
      ended({ code: 1, stderr: '/scratch/video: Immediate exit requested' }),
      'ENGINE_LOST',
    ],
    [
      'a signal that came before it knew the pixels',
      ended({
        stderr:
          'Cannot determine format of input stream 0:0 after EOF\nError marking filters as finished\n',
      }),
      'ENGINE_LOST',
    ],
    [
      'a signal that came again and again',
      ended({ code: 123, stderr: 'Received > 3 system signals, hard exiting' }),
      'ENGINE_LOST',
    ],
    [
      'a disk that does not answer',
      { ...killed('SIGKILL'), stalled: 'hung' } as const,
      'ENGINE_LOST',
    ],
  ])('%s', (_, result, code) => {
    const error = toInputError(result, 'video')
    expect(error).toMatchObject({ code, fault: 'worker', retryable: true })
    expect(toSystemError(result, 'encoding')).toMatchObject({ code })
  })
})

describe('the end of an ffmpeg that was the input’s fault', () => {
  test.each([
    ['a plain failure', ended({ stderr: 'Invalid data found' }), 'Invalid data found'],
    [
      'pictures of which none can be decoded',
      ended({
        stderr:
          'Invalid NAL unit size (0 > 8).\nCannot determine format of input stream 0:0 after EOF\nError marking filters as finished',
      }),
      'Invalid NAL unit size',
    ],
    [
      'a file that may not be read',
      ended({ code: 255, stderr: 'a.mp4: Operation not permitted' }),
      'Operation not permitted',
    ],
    ['a table that wants gigabytes', ended({ stderr: FORGED }), 'error reading header'],
    [
      'a table within it that wants gigabytes',
      ended({ stderr: 'Cannot allocate memory', overCeiling: true }),
      'more memory than a good file',
    ],
    ['a crash', killed('SIGSEGV'), 'crashed on it (SIGSEGV)'],
    ['more computing than a file may cost', killed('SIGXCPU'), 'crashed on it (SIGXCPU)'],
    ['work without an end', { ...killed('SIGKILL'), stalled: 'busy' } as const, 'without an end'],
    [
      'a warning about memory of one that ended well',
      ended({ code: 0, stderr: 'out of memory' }),
      'out of memory',
    ],
  ])('%s', (_, result, text) => {
    const error = toInputError(result, 'audio')
    expect(error).toMatchObject({ code: 'MEDIA_UNREADABLE', retryable: false })
    expect(error.message).toContain(text)
  })
  test('is told without addresses and paths', () => {
    const stderr =
      '[swr @ 0x55d0c0ffee00] [aac @ 0x1] Rematrix @ 0xdeadbeef is needed for file:/tmp/x/a.wav'
    const { message } = toInputError(ended({ stderr }), 'audio')
    expect(message).toBe('the audio input cannot be decoded: Rematrix is needed for the file')
  })
})
