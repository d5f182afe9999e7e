import { expect, test } from 'vitest'
import { renderProcessEnv } from '../../../runtime/config/config.ts'
import { visibleGpus } from '../../../runtime/config/visible-gpus.ts'
import { workerId } from '../../../runtime/config/identity.ts'

test.each([
  [undefined, 'auto', ['']],
  ['0', 'auto', ['0']],
  ['0,1', 'cuda', ['0', '1']],
  [' 0, GPU-abc ', 'auto', ['0', 'GPU-abc']],
  ['-1', 'auto', ['']],
  ['NoDevFiles', 'auto', ['']],
  ['0,1', 'cpu', ['']],
] as const)(
  'CUDA_VISIBLE_DEVICES=%s on DEVICE=%s gives the engines %j',
  (visible, DEVICE, gpus) => {
    const config = { DEVICE, ...(visible !== undefined && { CUDA_VISIBLE_DEVICES: visible }) }
    expect(visibleGpus(config)).toEqual(gpus)
  },
)

test('an engine sees its own GPU, none where the machine says so, and no secret', () => {
  const env = { PATH: '/bin', API_KEY: 'secret', S3_SECRET: 'secret', CUDA_VISIBLE_DEVICES: '-1' }
  expect(renderProcessEnv('', env)).toEqual({ PATH: '/bin', CUDA_VISIBLE_DEVICES: '-1' })
  expect(renderProcessEnv('1', env)).toEqual({ PATH: '/bin', CUDA_VISIBLE_DEVICES: '1' })
})

test('a worker is called as its platform calls it, else as it is told, else at random', () => {
  const names = { VAST_CONTAINERLABEL: 'C.1', OCTASPACE_NODE_ID: 'o', WORKER_ID: 'w' }
  expect(workerId({ ...names, SALAD_MACHINE_ID: 's' })).toBe('s')
  expect(workerId(names)).toBe('C.1')
  expect(workerId({ WORKER_ID: 'w' })).toBe('w')
  expect(workerId({})).toMatch(/^worker-[0-9a-f]{8}$/)
})
