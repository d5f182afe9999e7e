import { join, resolve } from 'node:path'
import {
  checkFiles,
  stampsOf,
  type VerificationRecord,
} from '../../models/inference/file-verification.ts'
import { filesOf, readManifest } from '../../models/inference/manifest.ts'
import { pulledDirectory } from '../config/bundle-directory.ts'
import { pullBundle, type PulledBundle } from './pull-bundle.ts'
import type { Recipe, Variant } from './pull-options.ts'
import type { PullEvent } from './pull-events.ts'
import { pullSettings, suitableVariant, type PullConfig } from './pull-from-config.ts'
import { openRecipe } from './official-recipe.ts'

export interface PullRequest {
  name: string
  /** Folder of the bundle; its name in BUNDLES_DIR where unset. */
  out?: string
  /** What is not said is what suits this machine, and then any form of a bundle that is there will do. */
  variant?: Partial<Variant>
  /** Folder, or address, of official files. */
  from?: string
  allowUnknown?: boolean
  keep?: boolean
}

export interface PullCall {
  signal: AbortSignal
  onEvent(event: PullEvent): void
  /** Of a bundle that can be pulled; tests bring their own. @throws PullError UNKNOWN_BUNDLE */
  open?: (name: string) => Promise<Recipe>
}

/**
 * Pull a bundle as the environment and a command say it.
 * @throws PullError
 */
export async function pullNamed(
  config: PullConfig,
  {
    name,
    out,
    variant = {},
    from,
    allowUnknown = config.BUNDLE_ALLOW_UNKNOWN,
    keep = false,
  }: PullRequest,
  { signal, onEvent, open = openRecipe }: PullCall,
): Promise<PulledBundle> {
  const recipe = await open(name)
  let record: VerificationRecord | undefined
  const made = await pullBundle({
    ...pullSettings(config, from),
    ...{ name, recipe, allowUnknown, keep, signal, onEvent },
    directory: out === undefined ? pulledDirectory(config.BUNDLES_DIR, name) : resolve(out),
    variant: { ...suitableVariant(config), ...variant },
    exact: Object.keys(variant).length > 0,
    async verify(directory, signal) {
      const { manifest, id } = await readManifest(directory)
      record = await checkFiles(directory, id, filesOf(manifest), undefined, signal)
    },
  })
  // The first start need not read all of it once more.
  if (record) await stampsOf(made.directory, join(config.CACHE_DIR, 'stamps')).write(record)
  return made
}
