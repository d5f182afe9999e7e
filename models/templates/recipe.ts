import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { ModelError } from '../inference/errors.ts'

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const Sizes = v.array(size)

const whole = {
  /** Byte of the output file, and how many of them. */
  at: size,
  bytes: size,
  slot: v.string(),
  /** Of the first axis of what was made, the one to take. */
  row: v.optional(size),
  /** Axes of the result, as numpy's transpose has them. */
  permute: v.optional(Sizes),
  half: v.optional(v.boolean(), false),
}
const epsilon = v.number()
const one = v.tuple([v.string()])
const three = v.tuple([v.string(), v.string(), v.string()])
const four = v.tuple([v.string(), v.string(), v.string(), v.string()])
const WeightRecipe = v.variant('make', [
  v.object({ ...whole, make: v.literal('copy'), tensors: one }),
  v.object({ ...whole, make: v.literal('norm-weight'), tensors: three, epsilon }),
  v.object({ ...whole, make: v.literal('norm-bias'), tensors: four, epsilon }),
  v.object({
    ...whole,
    make: v.literal('time-bias'),
    tensors: v.tuple([...four.items, ...three.items]),
  }),
])
const OutputFile = v.object({
  file: v.pipe(v.string(), v.regex(/^\w[\w.-]*$/)),
  bytes: size,
  template: v.optional(v.string()),
  parts: v.array(WeightRecipe),
})
const Slot = v.object({
  /** Shapes of the tensors that parts use, all of them float32. */
  tensors: v.record(v.string(), Sizes),
  aliases: v.optional(v.record(v.string(), v.string()), {}),
  config: v.optional(
    v.object({
      file: v.string(),
      given: v.optional(v.record(v.string(), v.unknown()), {}),
      usual: v.optional(v.record(v.string(), v.unknown()), {}),
    }),
  ),
})
const Recipe = v.object({
  format: v.literal(1),
  checkpoints: v.record(v.string(), Slot),
  graphs: v.record(
    v.string(),
    v.object({ slots: v.array(v.string()), files: v.array(OutputFile) }),
  ),
  manifest: v.looseObject({}),
})
export type WeightRecipe = v.InferOutput<typeof WeightRecipe>
export type OutputFile = v.InferOutput<typeof OutputFile>
export type SlotRecipe = v.InferOutput<typeof Slot>

/** Which graphs a bundle is to have. */
export interface BundleVariant {
  /** Of `encode` and `generate`; all others are fp32 always. */
  precision: 'fp32' | 'fp16'
  /** Add `generate` fused for CUDA. */
  cuda: boolean
}

/** Graphs without weights, and how to fill them. */
export interface TemplateSet extends v.InferOutput<typeof Recipe> {
  name: string
  folder: string
}

/**
 * The template sets below a folder, for weights of different shapes.
 * @throws ModelError
 * @see models/musetalk-v1.5/README.md
 */
export async function readTemplateSets(folder: string): Promise<TemplateSet[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new ModelError('bundle', `${folder} has no graph templates`, { cause })
  })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  return Promise.all(
    names.toSorted().map(async (name) => {
      const recipe = await readJson(join(folder, name, 'recipe.json'), Recipe)
      return { ...recipe, name, folder: join(folder, name) }
    }),
  )
}

const SourceFile = v.object({ path: v.string(), sha256: v.string() })
const Sources = v.object({
  slots: v.array(
    v.object({
      name: v.string(),
      license: v.string(),
      origin: v.string(),
      config: v.optional(v.boolean(), false),
      files: v.array(SourceFile),
    }),
  ),
  /** Names of known weights by their content's hash. */
  contents: v.optional(v.record(v.string(), v.string()), {}),
})
export type Sources = v.InferOutput<typeof Sources>

/**
 * The files that weights come from.
 * @throws ModelError
 */
export const readSources = (folder: string): Promise<Sources> =>
  readJson(join(folder, 'files.json'), Sources)

async function readJson<T extends v.GenericSchema>(
  file: string,
  schema: T,
): Promise<v.InferOutput<T>> {
  try {
    return v.parse(schema, JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    throw new ModelError('bundle', `${file} is missing or not what this version reads`, { cause })
  }
}
