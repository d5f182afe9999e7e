import { join, resolve } from 'node:path'
import { createTrustedFetch } from '../../handler/net/guarded-fetch.ts'
import { DEFAULT_TIMEOUTS, type Timeouts } from '../../handler/net/timeouts.ts'
import { hasCuda } from '../../models/inference/session.ts'
import type { Config } from '../config/config.ts'
import { proxyOf } from '../config/proxies.ts'
import { hasDriver } from '../config/visible-gpus.ts'
import type { LocalPlaces } from './local-files.ts'
import type { PullOptions, Variant } from './pull-options.ts'

export type PullConfig = Pick<
  Config,
  | ('BUNDLE_ALLOW_UNKNOWN' | 'BUNDLES_DIR' | 'CACHE_DIR' | 'DEVICE')
  | ('ALL_PROXY' | 'HTTP_PROXY' | 'HTTPS_PROXY' | 'NO_PROXY')
  | ('HF_ENDPOINT' | 'HF_HOME' | 'HF_HUB_CACHE' | 'HF_HUB_OFFLINE' | 'HF_TOKEN')
>

/** Gigabytes over a slow line take hours; a line that brings nothing is given up in minutes. */
const TIMEOUTS: Timeouts = {
  ...DEFAULT_TIMEOUTS,
  downloadMs: 24 * 3_600_000,
  download: { tries: 6, firstMs: 1_000, maxMs: 30_000 },
}

/** Where RunPod puts the model that an endpoint names. */
const RUNPOD_CACHE = '/runpod-volume/huggingface-cache/hub'

/** Whether files are to be had over the network, not from a folder. */
export const isAddress = (from: string): boolean => /^https?:\/\//.test(from)

/**
 * What the environment says about pulls.
 * @param from folder, or address, of files in the official layout or any other
 */
export function pullSettings(config: PullConfig, from: string | undefined) {
  const mirror = from !== undefined && isAddress(from) ? from : undefined
  const caches = [config.HF_HUB_CACHE ?? join(config.HF_HOME, 'hub'), RUNPOD_CACHE]
  const places: LocalPlaces = {
    trees: from !== undefined && mirror === undefined ? [resolve(from)] : [],
    hubCaches: [...new Set(caches.map((cache) => resolve(cache)))],
  }
  return {
    places,
    ...(mirror !== undefined && { mirror }),
    endpoint: config.HF_ENDPOINT,
    ...(config.HF_TOKEN !== undefined && { token: config.HF_TOKEN }),
    offline: config.HF_HUB_OFFLINE,
    fetch: createTrustedFetch(proxyOf(config)),
    timeouts: TIMEOUTS,
  } satisfies Partial<PullOptions>
}

/**
 * The form of a bundle that suits this machine: half precision and its own graph for a GPU.
 * @param hasCard asked only where DEVICE leaves it open
 */
export const suitableVariant = (
  { DEVICE }: Pick<Config, 'DEVICE'>,
  hasCard = () => hasCuda() && hasDriver(),
): Variant =>
  DEVICE === 'cuda' || (DEVICE !== 'cpu' && hasCard())
    ? { precision: 'fp16', cuda: true }
    : { precision: 'fp32', cuda: false }
