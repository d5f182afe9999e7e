import { mkdir } from 'node:fs/promises'

/**
 * Make a folder that a variable names.
 * @throws Error naming the variable: on a read-only disk the system says only "no such file"
 */
export async function makeFolder(path: string, variable: 'SCRATCH_DIR' | 'STATE_DIR') {
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const todo = `set ${variable} to a folder that can be written`
    throw new Error(`${path} cannot be made (${code}); ${todo}`, { cause })
  }
}
