import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from './config.ts'

/** The bundle that comes with the worker. */
export const LITE = fileURLToPath(new URL('../../models/lite', import.meta.url))
/** Bundles that an image was built with. */
const BUILT_IN = fileURLToPath(new URL('../../bundles', import.meta.url))

export type BundleConfig = Pick<Config, 'BUNDLES_DIR' | 'MODEL_BUNDLE'>

/**
 * The folder of a bundle: the one that a path names, or, for a name, that of a pulled bundle, else of
 * one that the image was built with. There need not be a bundle in it.
 *
 * @param bundle path or name; what the environment says where unset, else the embedded one
 */
export function bundleDirectory(
  { BUNDLES_DIR, MODEL_BUNDLE }: BundleConfig,
  bundle: string | undefined = MODEL_BUNDLE,
): string {
  if (bundle === undefined) return LITE
  const isBundle = (directory: string) => existsSync(join(directory, 'manifest.json'))
  if (!isName(bundle) || isBundle(resolve(bundle))) return resolve(bundle)
  if (bundle === 'lite') return LITE
  const pulled = pulledDirectory(BUNDLES_DIR, bundle)
  const built = join(BUILT_IN, bundle)
  return !isBundle(pulled) && isBundle(built) ? built : pulled
}

/** Where `bundle pull` puts a bundle. */
export const pulledDirectory = (bundles: string, name: string): string =>
  join(resolve(bundles), name)

/** Whether a bundle is named, and not the path to it. */
export const isName = (bundle: string): boolean => /^\w[\w.-]*$/.test(bundle)
