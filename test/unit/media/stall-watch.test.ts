import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import {
  killWhenStalled,
  processorTicks,
  type Stall,
} from '../../../handler/render/media/stall-watch.ts'

/** How the watch ends a child that runs a line of shell; undefined where it ends by itself. */
async function watched(
  line: string,
  watch: Parameters<typeof killWhenStalled>[3] = {},
): Promise<Stall | undefined> {
  const child = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'ignore'] })
  child.stdout.resume()
  let how: Stall | undefined
  const unwatch = killWhenStalled(child, child.stdout, (stall) => (how = stall), {
    ...{ lookMs: 20, ...watch },
  })
  await once(child, 'close')
  unwatch()
  return how
}

test('a child that neither moves nor works is ended', async () => {
  expect(await watched('exec sleep 60')).toBe('hung')
})
test('a child that works for ever and says nothing is ended later, as busy', async () => {
  let ticks = 0 // a busy machine may give a real one none for six looks
  const computed = () => Promise.resolve(ticks++)
  expect(await watched('exec sleep 60', { computed })).toBe('busy')
})
test('what a process computes is seen', async () => {
  const before = await processorTicks(process.pid)
  const grows = async () => {
    for (const end = performance.now() + 20; performance.now() < end;);
    return processorTicks(process.pid)
  }
  await expect.poll(grows).toBeGreaterThan(before)
})
test('a child that goes on writing is left alone', async () => {
  const stdout = { bytesRead: 0 }
  const { promise, resolve } = Promise.withResolvers<void>()
  let [looks, stalls] = [0, 0]
  const computed = () => {
    stdout.bytesRead = Math.floor(++looks / 5) // it takes its time
    if (looks > 40) resolve()
    return Promise.resolve(0)
  }
  const child = { pid: 1, exitCode: null, kill: () => true } as unknown as ChildProcess
  const unwatch = killWhenStalled(child, stdout, () => stalls++, { lookMs: 1, computed })
  await promise
  unwatch()
  expect(stalls).toBe(0)
})
test('nobody is blamed for a consumer that does not read', async () => {
  const child = spawn('sh', ['-c', 'head -c 200000 /dev/zero'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let stalls = 0
  const unwatch = killWhenStalled(child, child.stdout, () => stalls++, { lookMs: 5 })
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
