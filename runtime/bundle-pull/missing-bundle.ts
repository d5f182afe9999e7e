import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bundleDirectory, isName } from '../config/bundle-directory.ts'
import { freeBytes } from './disk-space.ts'
import { formatBytes } from './format-bytes.ts'
import { openRecipe, PULLABLE } from './official-recipe.ts'
import { suitableVariant, type PullConfig } from './pull-from-config.ts'
import type { Config } from '../config/config.ts'

export interface MissingBundle {
  name: string
  directory: string
  /** What is to be fetched for it, made of that, and free. */
  fetchBytes: number
  bundleBytes: number
  freeBytes: number
  /** In one line. */
  description: string
}

/**
 * A bundle that could be pulled, and is not here.
 * @param bundle what the environment says where unset
 */
export async function findMissingBundle(
  config: PullConfig & Pick<Config, 'MODEL_BUNDLE'>,
  bundle = config.MODEL_BUNDLE,
): Promise<MissingBundle | undefined> {
  if (bundle === undefined || !isName(bundle) || !PULLABLE.includes(bundle)) return undefined
  const directory = bundleDirectory(config, bundle)
  if (existsSync(join(directory, 'manifest.json'))) return undefined
  const recipe = await openRecipe(bundle)
  const [bundleBytes, free] = await Promise.all([
    recipe.size(suitableVariant(config)),
    freeBytes(directory),
  ])
  const fetchBytes = recipe.slots.reduce((sum, { files }) => sum + files[0]!.bytes, 0)
  const description =
    `${bundle} is not here yet (${directory}): ${formatBytes(fetchBytes)} to fetch, ` +
    `a bundle of ${formatBytes(bundleBytes)}, ${formatBytes(free)} free`
  return { name: bundle, directory, fetchBytes, bundleBytes, freeBytes: free, description }
}
