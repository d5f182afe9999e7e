import type { Limits } from '../../handler/job-context.ts'
import type { CacheOptions } from '../../handler/render/avatar/avatar-cache.ts'
import type { Config } from './config.ts'

/** What a job may bring, as the environment says. */
export function limitsOf(config: {
  MAX_VIDEO_SEC: number
  MAX_AUDIO_SEC: number
  MAX_PIXELS: number
  MAX_INPUT_MB: number
}): Limits {
  return {
    maxVideoS: config.MAX_VIDEO_SEC,
    maxAudioS: config.MAX_AUDIO_SEC,
    maxPixels: config.MAX_PIXELS,
    maxInputBytes: config.MAX_INPUT_MB * 1e6,
  }
}

/** Where avatars are kept, unless the operator wants none kept. */
export const cacheOf = (config: Config): { cache?: CacheOptions } =>
  config.CACHE_MAX_MB > 0 ? { cache: { dir: config.CACHE_DIR, maxMb: config.CACHE_MAX_MB } } : {}
