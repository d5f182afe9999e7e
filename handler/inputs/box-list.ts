import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { InputError } from '../errors.ts'
import { decodeJsonText } from '../net/json-text.ts'

/** Of a list: half an hour at 120 frames per second, with room to spare. */
export const MAX_BOX_LIST_BYTES = 16 << 20

/**
 * The boxes in a file: a JSON array of them, or an object that has one as `boxes`, as in the job itself.
 *
 * @param rules what the job's own list must be like
 * @throws InputError INVALID_JOB naming the first that is wrong
 */
export async function readBoxList<T>(file: string, rules: v.GenericSchema<unknown, T>): Promise<T> {
  const found = parseJson(decodeJsonText(await readFile(file)))
  const parsed = v.safeParse(rules, isBoxes(found) ? found.boxes : found, { abortEarly: true })
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const index = issue.path?.[0]?.key
  const where = typeof index === 'number' ? `entry ${index}: ` : ''
  throw new InputError('INVALID_JOB', `${where}${issue.message.slice(0, 200)}`)
}

const isBoxes = (found: unknown): found is { boxes: unknown } =>
  typeof found === 'object' && found !== null && !Array.isArray(found) && 'boxes' in found

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InputError('INVALID_JOB', 'is not JSON; it must be [[x1, y1, x2, y2] or null, …]')
  }
}
