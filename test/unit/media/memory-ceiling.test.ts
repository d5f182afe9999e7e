import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { isCeilingOurs, lacksMemory } from '../../../handler/render/media/memory-ceiling.ts'

test.each([
  ['Error while decoding stream #0:0: Cannot allocate memory', true],
  ['[libx264 @ 0x1] malloc of size 9 failed\nout of memory', true],
  ['pthread_create failed\nCannot allocate memory', false],
  ['Resource temporarily unavailable', false],
  ['Invalid data found when processing input', false],
])('%j lacks memory and nothing else: %j', (text, expected) => {
  expect(lacksMemory(text)).toBe(expected)
})

test.skipIf(process.platform !== 'linux')('what others limit is not our ceiling', async () => {
  const ours = async (limit: string) => {
    const child = spawn('sh', ['-c', `${limit}; echo ready; read -r _`])
    const closed = once(child, 'close')
    await once(child.stdout, 'data')
    const found = isCeilingOurs(child.pid)
    child.stdin.end('\n')
    await closed
    return found
  }
  expect(await ours('ulimit -v 4000000')).toBe(false)
  // So it is already where these tests themselves are limited.
  expect(await ours('ulimit -d 4000000')).toBe(isCeilingOurs(process.pid))
  expect(isCeilingOurs(undefined)).toBe(false)
})
