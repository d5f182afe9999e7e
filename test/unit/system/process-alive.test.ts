import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { isProcessAlive, processIdentity } from '../../../models/system/process-alive.ts'
import { startZombie } from '../../helpers/zombie.ts'

test('a process that runs is alive, and is known by its beginning too', async () => {
  expect(isProcessAlive(process.pid)).toBe(true)
  expect(await processIdentity(process.pid)).toMatch(new RegExp(`^${process.pid} \\d+$`))
})

test('one that has ended is not', async () => {
  const gone = spawn('true')
  await once(gone, 'exit')
  expect(isProcessAlive(gone.pid!)).toBe(false)
  expect(await processIdentity(gone.pid!)).toBe('')
})

test('one that has ended and was never buried is not either', async () => {
  await using zombie = await startZombie()
  process.kill(zombie.pid, 0) // to kill(2) it is there
  expect(isProcessAlive(zombie.pid)).toBe(false)
  expect(await processIdentity(zombie.pid)).toBe('')
})
