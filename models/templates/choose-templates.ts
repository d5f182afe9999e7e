import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import * as v from 'valibot'
import { CheckpointError } from '../checkpoints/errors.ts'
import type { Checkpoint } from '../checkpoints/checkpoint.ts'
import type { SlotRecipe, TemplateSet } from './recipe.ts'
import { matchTensors, type TensorSource } from './tensor-source.ts'

/**
 * The set whose tensors the checkpoints have, shape for shape, and these by slot.
 * @param checkpoints by slot
 * @throws CheckpointError saying of each set what does not fit it
 */
export function chooseTemplates(
  sets: readonly TemplateSet[],
  checkpoints: ReadonlyMap<string, Checkpoint>,
): { set: TemplateSet; sources: Map<string, TensorSource> } {
  const misfits: [string, CheckpointError][] = []
  for (const set of sets) {
    try {
      const sources = new Map<string, TensorSource>()
      for (const [slot, checkpoint] of checkpoints) {
        const recipe = set.checkpoints[slot]
        if (recipe) sources.set(slot, matchTensors(checkpoint, recipe))
      }
      return { set, sources }
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error
      misfits.push([set.name, error])
    }
  }
  const first = misfits[0]?.[1]
  const reasons = misfits.map(
    ([name, { found, expected }]) => `for "${name}" ${found} where ${expected} belongs`,
  )
  throw new CheckpointError(
    first?.file ?? 'checkpoints',
    reasons.join('; ') || 'no templates',
    'weights of a shape that there are templates for',
  )
}

/**
 * Check what shapes cannot tell (heads, groups, scaling) of a configuration that is not the official one.
 * @throws CheckpointError naming the first value that the templates are not made for
 */
export async function checkConfig(
  file: string,
  { given, usual }: NonNullable<SlotRecipe['config']>,
): Promise<void> {
  const config = await readObject(file)
  for (const [key, value] of Object.entries({ ...usual, ...given })) {
    const missing = !Object.hasOwn(config, key)
    if (isDeepStrictEqual(config[key], value) || (missing && !Object.hasOwn(given, key))) continue
    const found = missing ? `no "${key}"` : `"${key}": ${JSON.stringify(config[key])}`
    throw new CheckpointError(file, found, `"${key}": ${JSON.stringify(value)}`)
  }
}

async function readObject(file: string): Promise<Record<string, unknown>> {
  const parsed = v.safeParse(JsonObject, await readFile(file, 'utf8'))
  if (parsed.success) return parsed.output
  throw new CheckpointError(file, 'no JSON object', 'the configuration of a network')
}

const JsonObject = v.pipe(v.string(), v.parseJson(), v.looseObject({}))
