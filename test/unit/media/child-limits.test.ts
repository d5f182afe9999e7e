import { expect, test } from 'vitest'
import { withLimits } from '../../../handler/render/media/child-limits.ts'
import { runToEnd } from '../../../handler/render/media/ffmpeg.ts'

const shell = (script: string, maxCpuS?: number) =>
  runToEnd(
    ...withLimits('/bin/sh', ['-c', script, 'a b', '$HOME'], 8_294_400, maxCpuS),
    AbortSignal.timeout(300_000),
  )

test('a child has a ceiling on its memory, writes no core, and gets its arguments as they are', async () => {
  const { stdout, code } = await shell('ulimit -d; ulimit -c; ulimit -t; echo "$0" "$1"')
  expect(code).toBe(0)
  expect(stdout.toString().trim().split('\n')).toEqual(['3717152', '0', 'unlimited', 'a b $HOME'])
})

test('one that computes for longer than it may is ended by a signal of its own', async () => {
  expect(await shell('while :; do :; done', 1)).toMatchObject({ code: null, signal: 'SIGXCPU' })
})

test('one that is not there says so by its status', async () => {
  const gone = withLimits('/nowhere/ffmpeg', [], 8_294_400)
  expect(await runToEnd(...gone, AbortSignal.timeout(300_000))).toMatchObject({ code: 127 })
})
