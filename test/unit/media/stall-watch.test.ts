import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { killWhenStalled, type Stall } from '../../../handler/render/media/stall-watch.ts'

/** How the watch ends a child that runs a line of shell; undefined where it ends by itself. */
async function watched(line: string, lookMs = 20): Promise<Stall | undefined> {
  const child = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'ignore'] })
  child.stdout.resume()
  let how: Stall | undefined
  const unwatch = killWhenStalled(child, child.stdout, (stall) => (how = stall), lookMs)
  await once(child, 'close')
  unwatch()
  return how
}

test('a child that neither moves nor works is ended', async () => {
  expect(await watched('exec sleep 60')).toBe('hung')
})
test('a child that works for ever and says nothing is ended later, as busy', async () => {
  expect(await watched('while :; do :; done')).toBe('busy')
})
test('a child that goes on writing is left alone', async () => {
  expect(
    await watched('for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.05; done', 100),
  ).toBeUndefined()
})
test('nobody is blamed for a consumer that does not read', async () => {
  const child = spawn('sh', ['-c', 'head -c 200000 /dev/zero'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let stalls = 0
  const unwatch = killWhenStalled(child, child.stdout, () => stalls++, 5)
  await once(child.stdout, 'readable') // and then look away for many looks
  const { promise, resolve } = Promise.withResolvers<void>()
  let looks = 0
  const timer = setInterval(() => ++looks > 60 && resolve(), 5)
  await promise
  clearInterval(timer)
  expect(stalls).toBe(0)
  child.stdout.resume()
  await once(child, 'close')
  unwatch()
})
