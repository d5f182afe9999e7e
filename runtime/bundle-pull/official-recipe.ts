import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { hashContent } from '../../models/checkpoints/content-hash.ts'
import { CheckpointError } from '../../models/checkpoints/errors.ts'
import { openCheckpoint } from '../../models/checkpoints/open-checkpoint.ts'
import { bundleBytes, fillBundle } from '../../models/templates/fill-bundle.ts'
import { readOfficialFiles, type OfficialFile } from './official-files.ts'
import type { Recipe } from './pull-options.ts'
import { PullError } from './pull-error.ts'

/** Bundles that can be pulled, and where their graphs without weights lie. */
const TEMPLATES: Readonly<Record<string, URL>> = {
  'musetalk-v1.5': new URL('../../models/musetalk-v1.5', import.meta.url),
}
export const PULLABLE: readonly string[] = Object.keys(TEMPLATES)

/** A configuration is a few lines. */
const MAX_CONFIG_BYTES = 65_536

/**
 * How a bundle is made of its official files.
 * @throws PullError UNKNOWN_BUNDLE
 */
export async function openRecipe(name: string): Promise<Recipe> {
  const url = Object.hasOwn(TEMPLATES, name) ? TEMPLATES[name]! : undefined
  if (url === undefined) {
    const message = `there is no bundle "${name}" to pull; there is ${PULLABLE.join(' and ')}`
    throw new PullError('UNKNOWN_BUNDLE', message)
  }
  const templates = fileURLToPath(url)
  const { slots, contents } = await readOfficialFiles(templates)
  const isConfig = (file: OfficialFile) =>
    slots.some(({ config, files }) => config && files.includes(file))
  return {
    slots,
    async size(variant) {
      const bytes = await bundleBytes(templates, variant)
      if (Number.isFinite(bytes) && bytes > 0) return bytes
      const message = `this installation has no templates in ${templates}; install the worker again`
      throw new PullError('BUNDLE_BROKEN', message)
    },
    async accepts(official, file, signal) {
      // What of a configuration must be right is looked at when the bundle is made.
      if (isConfig(official)) return isSmallJson(file)
      try {
        await using checkpoint = await openCheckpoint(file)
        return Object.hasOwn(contents, await hashContent(checkpoint, signal))
      } catch (error) {
        if (error instanceof CheckpointError) return false
        throw error
      }
    },
    async fill(files, out, variant, { signal, onProgress }) {
      const checkpoints = Object.fromEntries(files.map(({ path, ...file }) => [path, file]))
      await fillBundle({ templates, checkpoints, out, ...variant, signal, onProgress })
    },
  }
}

async function isSmallJson(file: string): Promise<boolean> {
  const content = await readFile(file)
  if (content.length > MAX_CONFIG_BYTES) return false
  try {
    return typeof JSON.parse(content.toString()) === 'object'
  } catch {
    return false
  }
}
