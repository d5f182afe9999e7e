import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'))
const number = (fallback: number, least: number) =>
  v.pipe(
    v.optional(text, String(fallback)),
    v.transform(Number),
    v.number('must be a number'),
    v.minValue(least),
  )
const whole = (fallback: number, least: number) => v.pipe(number(fallback, least), v.integer())

const Env = v.object({
  BATCH_SIZE: v.optional(v.pipe(text, v.transform(Number), v.integer(), v.minValue(1))),
  DEVICE: v.optional(v.picklist(['auto', 'cuda', 'cpu']), 'auto'),
  FFMPEG_PATH: v.optional(text),
  LOG_LEVEL: v.optional(v.picklist(['silent', 'info', 'debug']), 'info'),
  MAX_AUDIO_SEC: number(1800, 1),
  MAX_INPUT_MB: number(2048, 1),
  MAX_PIXELS: whole(3840 * 2160, 64 * 64),
  MAX_VIDEO_SEC: number(1800, 1),
  MODEL_BUNDLE: v.optional(text),
  OUTPUT_DIR: v.optional(text, 'outputs'),
  SCRATCH_DIR: v.optional(text, join(tmpdir(), 'musetalk-worker')),
})

/** The environment, checked; the variables keep their names. */
export type Config = v.InferOutput<typeof Env>

/** The only reader of the environment. Throws once, naming every bad variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = v.safeParse(Env, set)
  if (parsed.success) return parsed.output
  const problems = parsed.issues.map((issue) => `  ${v.getDotPath(issue)}: ${issue.message}`)
  throw new Error(`the environment is not valid:\n${problems.join('\n')}`)
}

/**
 * The environment of a render process: the machine's variables (drivers, paths) and none of ours,
 * so that no secret reaches a process that opens strangers' media.
 * @param visible which GPU it sees; '' leaves that as it is
 */
export function engineEnv(visible: string, env = process.env): NodeJS.ProcessEnv {
  const machine = Object.entries(env).filter(([name]) => !Object.hasOwn(Env.entries, name))
  return { ...Object.fromEntries(machine), ...(visible && { CUDA_VISIBLE_DEVICES: visible }) }
}
