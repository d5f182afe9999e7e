import { expect, test } from 'vitest'
import {
  CanceledError,
  deserializeError,
  InputError,
  UpstreamError,
} from '../../../handler/errors.ts'
import { renderProcessEnv } from '../../../runtime/config/config.ts'
import { backoffMs } from '../../../runtime/engine/supervisor.ts'

test('a lost engine is started again at once, then ever later, at most 30 s', () => {
  expect([1, 2, 3, 4, 8, 9, 40].map(backoffMs)).toEqual([
    0, 500, 1000, 2000, 30_000, 30_000, 30_000,
  ])
})

test('a render process sees its GPU and the machine, but none of our variables', () => {
  const env = {
    PATH: '/bin',
    LD_LIBRARY_PATH: '/cuda',
    CUDA_VISIBLE_DEVICES: '0,1',
    OUTPUT_DIR: 'x',
  }
  const machine = { PATH: '/bin', LD_LIBRARY_PATH: '/cuda' }
  expect(renderProcessEnv('1', env)).toEqual({ ...machine, CUDA_VISIBLE_DEVICES: '1' })
  expect(renderProcessEnv('', env)).toEqual({ ...machine, CUDA_VISIBLE_DEVICES: '0,1' })
})

test('an error is of its class again after it crossed, with its stack for the log', () => {
  const error = new InputError('NO_FACE', 'no face', { stage: 'avatar' })
  const back = deserializeError({ ...error.toJSON(), fault: error.fault, cause: 'Error: there' })
  expect(back).toBeInstanceOf(InputError)
  expect(back.toJSON()).toEqual(error.toJSON())
  expect((back.cause as Error).stack).toBe('Error: there')
  const final = new UpstreamError('UPLOAD_FAILED', 'refused', { retryable: false })
  expect(deserializeError({ ...final.toJSON(), fault: final.fault })).toMatchObject({
    retryable: false,
  })
  const stopped = new CanceledError('SHUTDOWN', 'stop')
  expect(deserializeError({ ...stopped.toJSON(), fault: stopped.fault })).toBeInstanceOf(
    CanceledError,
  )
})
