import { existsSync } from 'node:fs'
import type { Config } from './config.ts'

/** One entry for each engine: the GPU it shall see, or '' for whatever the machine shows. */
export function visibleGpus(config: Pick<Config, 'CUDA_VISIBLE_DEVICES' | 'DEVICE'>): string[] {
  const names = (config.CUDA_VISIBLE_DEVICES ?? '').split(',').map((name) => name.trim())
  const gpus = names.filter((name) => name !== '' && name !== '-1' && name !== 'NoDevFiles')
  return config.DEVICE === 'cpu' || gpus.length === 0 ? [''] : gpus
}

/** Whether this machine, or this container, sees an NVIDIA driver. */
export const hasDriver = (): boolean =>
  ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/dxg'].some((path) => existsSync(path))
