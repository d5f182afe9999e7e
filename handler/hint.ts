import type { ModelError } from '../models/inference/errors.ts'

/** What whoever runs this machine can do about a model that does not start. */
export const HINT: Readonly<Record<ModelError['kind'], string>> = {
  bundle: 'fetch the bundle again, or set MODEL_BUNDLE to a good one',
  device: 'check the driver with nvidia-smi, or set DEVICE=cpu',
  memory: 'stop what else uses the memory, or take a larger machine',
}
