import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { BufferPool } from '../../../handler/render/buffer-pool.ts'
import { openFramePipe, type FramePipe } from '../../../handler/render/media/frame-pipe.ts'

/** The pipe of a child that runs a line of shell, and its end. */
async function pipeOf(line: string, bytes: number, buffers = new BufferPool()) {
  const pipe = await openFramePipe(bytes, buffers)
  const child = spawn('sh', ['-c', line], { stdio: ['ignore', pipe.inlet, 'ignore'] })
  pipe.inlet.destroy()
  return { pipe, child, ended: once(child, 'exit') }
}

async function textOf(pipe: FramePipe): Promise<string[]> {
  const texts: string[] = []
  for (let frame = await pipe.read(); frame; frame = await pipe.read())
    texts.push(Buffer.from(frame).toString())
  return texts
}

test('frames come whole and in order, whatever the pieces that are written', async () => {
  const { pipe } = await pipeOf('printf abcdefg; printf hi; printf jkl', 4)
  using _ = pipe
  expect(await textOf(pipe)).toEqual(['abcd', 'efgh', 'ijkl'])
  expect(await pipe.read()).toBeUndefined()
  expect(pipe.bytesRead).toBe(12)
})

test('a frame that is not whole is none, nor is one of a child that cannot be started', async () => {
  const { pipe } = await pipeOf('printf abcde', 4)
  using _ = pipe
  expect(await textOf(pipe)).toEqual(['abcd'])
  const none = await pipeOf('exec /nonexistent', 4)
  using __ = none.pipe
  expect(await none.pipe.read()).toBeUndefined()
})

test('a frame that was read is not written to, and one more at the most is read ahead', async () => {
  const bytes = 1 << 20
  const { pipe, child, ended } = await pipeOf('exec cat /dev/zero', bytes)
  using _ = pipe
  const frame = (await pipe.read())!
  frame.fill(7)
  await pipe.read()
  while (pipe.readableLength === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(pipe.bytesRead).toBe(3 * bytes)
  expect(frame.every((value) => value === 7)).toBe(true)
  child.kill('SIGKILL')
  await ended
})

test('memory that holds no frame is given back', async () => {
  const buffers = new BufferPool()
  const taken = new Set<ArrayBufferLike>()
  const { take, give } = buffers
  buffers.take = (bytes) => {
    const memory = take.call(buffers, bytes)
    taken.add(memory.buffer)
    return memory
  }
  buffers.give = (memory) => {
    taken.delete(memory.buffer)
    give.call(buffers, memory)
  }
  const { pipe, child, ended } = await pipeOf('exec cat /dev/zero', 4096, buffers)
  buffers.give((await pipe.read())!)
  pipe[Symbol.dispose]()
  child.kill('SIGKILL')
  await ended
  expect(taken.size).toBe(0)
})
