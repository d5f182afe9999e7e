import { access, constants, open, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline/promises'
import { isErrno } from '../../handler/errors.ts'
import { MADE_BY } from '../../handler/render/encode/encoder-args.ts'
import { without } from '../../handler/job/input-digest.ts'
import { extensionOf, type WantedFormat } from '../../handler/render/encode/output-formats.ts'
import { pictureEndings, type WantedPictures } from '../../handler/render/encode/pictures.ts'
import { UsageError } from './command.ts'
import { makeDirectory } from '../../models/system/make-directory.ts'

export interface WantedOutput {
  /** As it was typed; a name in `directory` where unset. */
  out: string | undefined
  /** The default folder. */
  directory: string
  job: Record<string, unknown>
  force: boolean
}

/**
 * Find out before a render that its result can be kept: it must not replace an input, nor another file
 * without somebody's word, and its place must be writable. What this program made before may be replaced:
 * that is how settings are tried.
 *
 * @param ask a question to somebody at a terminal; absent where nobody is there
 * @throws UsageError
 */
export async function checkOutput(
  { out, directory, job, force }: WantedOutput,
  ask?: (question: string) => Promise<boolean>,
): Promise<void> {
  const output = (job['output'] ?? {}) as WantedFormat & WantedPictures & { key?: unknown }
  if (out === undefined) {
    const { key: name = `${String(job['id'])}.${extensionOf(output)}` } = output
    const key = join(resolve(directory), typeof name === 'string' ? name : '')
    await assertNoInput(job, key, output, `the result would be "${key}", which`)
    return assertWritable(resolve(directory), 'OUTPUT_DIR')
  }
  const file = resolve(out)
  assertExtension(out, output)
  const found = await stat(file).catch(() => undefined)
  if (found?.isDirectory()) throw new UsageError(`--out "${out}" is a folder; name a file in it`)
  await assertNoInput(job, file, output, `--out "${out}" or a picture beside it`)
  if (found) {
    const settled = force || !found.isFile() || (await isOurs(file))
    const agreed = settled || (await ask?.(`"${out}" exists. Replace it?`))
    if (agreed === undefined)
      throw new UsageError(`--out "${out}" exists; add --force to replace it`)
    if (!agreed) throw new UsageError(`--out "${out}" exists and was kept`)
  }
  await assertWritable(dirname(file), `--out "${out}"`)
}

/** Somebody's answer at the terminal; undefined where there is none. */
export function askAtTerminal(): ((question: string) => Promise<boolean>) | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  return async (question) => {
    using lines = createInterface({ input: process.stdin, output: process.stderr })
    const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
    const answer = await Promise.race([lines.question(`${question} [y/N] `), closed])
    return /^y(es)?$/i.test(answer.trim())
  }
}

/** A name that says something else than what is in the file misleads whoever opens it. */
function assertExtension(out: string, wanted: WantedFormat): void {
  const extension = extname(out).toLowerCase()
  const kind = extensionOf(wanted)
  const fitting = kind === 'mp4' ? ['.mp4', '.m4v'] : [`.${kind}`]
  if (extension === '' || fitting.includes(extension)) return
  const why = kind === 'mkv' ? 'a lossless result is Matroska' : `the result is a ${kind}`
  throw new UsageError(`--out "${out}": ${why}; end its name in ${fitting[0]}`)
}

/** Of the result, and of the pictures that are made beside it. @throws UsageError */
async function assertNoInput(
  job: Record<string, unknown>,
  file: string,
  output: WantedPictures,
  what: string,
): Promise<void> {
  const made = ['', ...Object.values(pictureEndings(output))].map((ending) => file + ending)
  for (const input of textsOf(without(job, NO_INPUTS))) {
    for (const each of made) {
      if (!(await isSameFile(input, each))) continue
      throw new UsageError(`${what} is an input; take another name, it would be lost`)
    }
  }
}

const NO_INPUTS = ['id', 'output', 'metadata', 'webhook']

/** Every text of a job, for inputs stand at its top, in its segments and in its faces. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}

/** Also by another path, a symbolic or a hard link. */
async function isSameFile(input: string, file: string): Promise<boolean> {
  if (/^(https?|data):/i.test(input)) return false
  try {
    const path = input.startsWith('file:') ? fileURLToPath(input) : resolve(input)
    const [one, other] = await Promise.all([path, file].map((path) => stat(path)))
    const sameNode = one!.dev === other!.dev && one!.ino === other!.ino
    return sameNode || (await realpath(path)) === (await realpath(file))
  } catch {
    return false // an input that is not there is told by the job
  }
}

const LOOKED_AT = 8 << 20 // an index of an hour is smaller; the mark comes behind it

async function isOurs(file: string): Promise<boolean> {
  await using handle = await open(file)
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(LOOKED_AT), 0, LOOKED_AT, 0)
  return buffer.subarray(0, bytesRead).includes(MADE_BY)
}

async function assertWritable(directory: string, what: string): Promise<void> {
  try {
    await makeDirectory(directory)
    await access(directory, constants.W_OK | constants.X_OK)
    const trial = join(directory, `.musetalk-worker-${process.pid}.trial`)
    await (await open(trial, 'wx')).close()
    await rm(trial)
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    const why = isErrno(error, 'ENOTDIR') ? 'a part of its path is a file' : code
    throw new UsageError(`${what}: nothing can be written to "${basename(directory)}/" (${why})`)
  }
}
