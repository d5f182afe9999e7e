import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pullSettings, suitableVariant } from '../../../runtime/bundle-pull/pull-from-config.ts'
import { homeDirectory, readConfig } from '../../../runtime/config/config.ts'

const FOR_CARDS = { precision: 'fp16', cuda: true }
const FOR_PROCESSORS = { precision: 'fp32', cuda: false }

test.each([
  ['auto', true, FOR_CARDS],
  ['auto', false, FOR_PROCESSORS],
  ['cuda', true, FOR_CARDS],
  ['cuda', false, FOR_CARDS], // an image is built where there is no card
  ['cpu', true, FOR_PROCESSORS],
  ['cpu', false, FOR_PROCESSORS],
] as const)('DEVICE=%s, with a card: %s, suits %j', (DEVICE, card, variant) => {
  expect(suitableVariant({ DEVICE }, () => card)).toEqual(variant)
})

const settings = (env: Record<string, string>, from?: string) => pullSettings(readConfig(env), from)
const RUNPOD = '/runpod-volume/huggingface-cache/hub'

describe('files are looked for', () => {
  test.each<[name: string, env: Record<string, string>, cache: string]>([
    ['in the home directory', {}, join(homeDirectory(), '.cache/huggingface/hub')],
    ['in HF_HOME', { HF_HOME: '/big/hf' }, '/big/hf/hub'],
    ['in HF_HUB_CACHE', { HF_HUB_CACHE: '/big/cache' }, '/big/cache'],
    ['in HF_HUB_CACHE before HF_HOME', { HF_HOME: '/a', HF_HUB_CACHE: '/b/' }, '/b'],
  ])("%s, and where RunPod puts an endpoint's model", (_, env, cache) => {
    expect(settings(env).places.hubCaches).toEqual([cache, RUNPOD])
  })

  test('once where both are the same', () => {
    const env = { HF_HOME: '/runpod-volume/huggingface-cache' }
    expect(settings(env).places.hubCaches).toEqual([RUNPOD])
  })

  test('in a folder that is named, or at an address', () => {
    const folder = settings({}, '/mnt/models/')
    expect(folder.places.trees).toEqual(['/mnt/models'])
    expect(folder).not.toHaveProperty('mirror')
    const address = settings({}, 'https://mirror.test/models')
    expect(address).toMatchObject({ mirror: 'https://mirror.test/models', places: { trees: [] } })
  })
})

test('the hub is the public one, without a token, unless the environment says otherwise', () => {
  const usual = settings({})
  expect(usual).toMatchObject({ endpoint: 'https://huggingface.co', offline: false })
  expect(usual).not.toHaveProperty('token')
  const env = { HF_ENDPOINT: 'https://hub.test', HF_TOKEN: 'hf_secret', HF_HUB_OFFLINE: '1' }
  expect(settings(env)).toMatchObject({
    ...{ endpoint: 'https://hub.test', token: 'hf_secret', offline: true },
  })
})
