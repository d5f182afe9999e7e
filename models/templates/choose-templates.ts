import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import * as v from 'valibot'
import { ModelError } from '../inference/errors.ts'
import { CheckpointError } from '../checkpoints/errors.ts'
import type { Checkpoint } from '../checkpoints/checkpoint.ts'
import type { SlotRecipe, TemplateSet } from './recipe.ts'
import { matchTensors, misfitsOf, type TensorSource } from './tensor-source.ts'

/**
 * The set whose tensors the checkpoints have, shape for shape, and these by slot.
 * @param checkpoints by slot
 * @throws CheckpointError saying what does not fit the set that is nearest
 */
export function chooseTemplates(
  sets: readonly TemplateSet[],
  checkpoints: ReadonlyMap<string, Checkpoint>,
): { set: TemplateSet; sources: Map<string, TensorSource> } {
  const slotsOf = (set: TemplateSet) =>
    [...checkpoints].flatMap(([slot, checkpoint]) => {
      const recipe = set.checkpoints[slot]
      return recipe ? [{ slot, checkpoint, recipe }] : []
    })
  const misfits = sets.map((set) =>
    slotsOf(set).flatMap(({ checkpoint, recipe }) => misfitsOf(checkpoint, recipe)),
  )
  const nearest = misfits.toSorted((a, b) => a.length - b.length)[0]
  if (!nearest) throw new ModelError('bundle', 'there are no graph templates')
  if (nearest[0]) throw nearest[0]
  const set = sets[misfits.indexOf(nearest)]!
  const sources = slotsOf(set).map(
    ({ slot, checkpoint, recipe }) => [slot, matchTensors(checkpoint, recipe)] as const,
  )
  return { set, sources: new Map(sources) }
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
