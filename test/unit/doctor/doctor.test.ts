import { describe, expect, test } from 'vitest'
import { checkAccess } from '../../../runtime/doctor/access.ts'
import { judgeCache, judgeScratch } from '../../../runtime/doctor/directories.ts'
import { coresOf, judgeCores, judgeMemory } from '../../../runtime/doctor/cpu-and-memory.ts'
import { judgeDevice, judgeMissing } from '../../../runtime/doctor/model-bundle.ts'

describe('cores', () => {
  test.each([
    ['max 100000\n', undefined],
    ['150000 100000\n', 1.5],
    ['-1\n 100000\n', undefined],
    ['400000\n 100000\n', 4],
    [' ', undefined],
  ])('a quota of %j is %s', (quota, cores) => expect(coresOf(quota)).toBe(cores))

  test('less than two, by number or by quota, are told', () => {
    expect(judgeCores(8, undefined)).toMatchObject({ status: 'ok', message: '8 cores' })
    expect(judgeCores(8, 1.5)).toMatchObject({ status: 'warn' })
    expect(judgeCores(8, 1.5).message).toBe('8 cores, limited to 1.5 by the cgroup')
    expect(judgeCores(1, undefined)).toMatchObject({ status: 'warn', message: 'one core' })
    expect(judgeCores(2, 16)).toMatchObject({ status: 'ok', message: '2 cores' })
  })
})

describe('memory', () => {
  test.each([
    [16e9, 16e9, 6e6, 'ok'],
    [16e9, 4e9, 3.5e9, 'warn'],
    [16e9, 1.5e9, 6e6, 'warn'],
    [16e9, 2e9, 3.5e9, 'fail'],
    [0.4e9, 0.4e9, 6e6, 'fail'],
  ])('of %s bytes with %s free, for weights of %s: %s', (total, free, weights, status) => {
    expect(judgeMemory(total, free, weights)).toMatchObject({ status })
  })
})

describe('disks', () => {
  test('scratch must have room for two inputs, and for anything at all', () => {
    const at = (freeMb: number) => judgeScratch({ dir: 'x', freeMb }, 2048)
    expect(at(50_000)).toMatchObject({ status: 'ok', message: 'x has 50.0 GB left' })
    expect(at(4_000)).toMatchObject({ status: 'warn' })
    expect(at(4_000).action).toContain('two inputs of 2048 MB')
    expect(at(100)).toMatchObject({ status: 'fail' })
  })
  test('a cache without room makes slower, not worse', () => {
    expect(judgeCache({ dir: 'x', freeMb: 600 }, 4096)).toMatchObject({ status: 'warn' })
    expect(judgeCache({ dir: 'x', freeMb: 5000 }, 4096)).toMatchObject({ status: 'ok' })
  })
})

describe('the device', () => {
  const none = { provider: false, driver: false, large: false }
  const cpu = (tried = '') => ({ device: 'cpu' as const, tried })
  test.each([
    ['auto', cpu(), none, 'ok', /no GPU/],
    ['cpu', cpu(), { ...none, driver: true }, 'ok', /as DEVICE says/],
    [
      'auto',
      { device: 'cuda', tried: '' },
      { ...none, driver: true, provider: true },
      'ok',
      /CUDA/,
    ],
    [
      'auto',
      { device: 'cuda', tried: '', fused: false },
      { driver: true, provider: true, large: true },
      'warn',
      /no graph that is made for it.*--cuda/,
    ],
    ['auto', cpu(), { ...none, driver: true }, 'warn', /take the CUDA image/],
    [
      'auto',
      cpu('too old'),
      { ...none, driver: true, provider: true },
      'warn',
      /too old.*nvidia-smi/,
    ],
    ['auto', cpu(), { ...none, large: true }, 'warn', /minutes for a second/],
    ['cpu', cpu(), { ...none, large: true }, 'warn', /unset DEVICE/],
    ['cuda', cpu('no driver'), { ...none, provider: true }, 'fail', /no driver.*--gpus all/],
  ] as const)('DEVICE=%s, %o, %o: %s', (wanted, place, machine, status, words) => {
    const { message, action = '', ...finding } = judgeDevice(wanted, place, machine)
    expect(finding.status).toBe(status)
    expect(`${message} → ${action}`).toMatch(words)
  })
})

describe('a bundle that is not here yet', () => {
  const missing = (freeBytes: number) => ({
    ...{ name: 'musetalk-v1.5', directory: '/b', fetchBytes: 4e9, bundleBytes: 3e9, freeBytes },
    description: 'musetalk-v1.5 is not here yet',
  })
  test('fails with the command that makes it', () => {
    const result = judgeMissing(missing(8e9), false)
    expect(result).toMatchObject({
      status: 'fail',
      action: 'musetalk-worker bundle pull musetalk-v1.5, or set BUNDLE_PULL=true',
    })
  })
  test('is fine where the worker fetches it', () => {
    expect(judgeMissing(missing(8e9), true)).toMatchObject({ status: 'ok' })
  })
  test('fails where there is no room for it', () => {
    const action = expect.stringContaining('BUNDLES_DIR')
    expect(judgeMissing(missing(6e9), true)).toMatchObject({ status: 'fail', action })
  })
})

describe('access', () => {
  const open = { API_KEY: undefined, HOST: undefined, PORT: undefined }
  const queue = { RUNPOD_WEBHOOK_GET_JOB: 'https://queue.test' }
  const status = (given: object) =>
    checkAccess({ ...open, RUNPOD_WEBHOOK_GET_JOB: undefined, ...given }).map((one) => one.status)

  test.each([undefined, '::', '0.0.0.0', '192.0.2.7', '10.0.0.1', 'worker.test'])(
    'a port at %s without a key is a warning that names the setting',
    (HOST) => {
      const [finding] = checkAccess({ ...open, RUNPOD_WEBHOOK_GET_JOB: undefined, HOST })
      expect(finding).toMatchObject({
        ...{ check: 'access', status: 'warn' },
        ...{ action: expect.stringContaining('set API_KEY') },
      })
      expect(status({ HOST, API_KEY: 'k' })).toEqual(['ok'])
    },
  )

  test.each(['127.0.0.1', '127.8.0.1', '::1', 'localhost'])('%s is this machine alone', (HOST) => {
    expect(status({ HOST })).toEqual(['ok'])
  })

  test('a worker of RunPod’s queue opens no port, unless it is told to', () => {
    expect(status(queue)).toEqual([])
    expect(status({ ...queue, PORT: 8000 })).toEqual(['warn'])
  })
})
