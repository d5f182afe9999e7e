/**
 * Work in a folder that a variable names.
 * @throws Error naming the variable: of a read-only disk the system says only "no such file"
 */
export async function withDirectoryError<T>(
  path: string,
  variable: 'SCRATCH_DIR' | 'STATE_DIR',
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    const todo = `set ${variable} to a folder that can be written`
    throw new Error(`${path} cannot be used (${code}); ${todo}`, { cause })
  }
}
