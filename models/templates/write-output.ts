import { createHash } from 'node:crypto'
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { BundleFile } from '../inference/manifest.ts'
import { ModelError } from '../inference/errors.ts'
import { makeWeight } from './make-weight.ts'
import type { OutputFile } from './recipe.ts'
import type { TensorSource } from './tensor-source.ts'

export interface Filling {
  /** Folder of the template set. */
  folder: string
  /** Folder of the bundle. */
  out: string
  sources: ReadonlyMap<string, TensorSource>
  signal: AbortSignal
  /** Told of bytes as they are written. */
  onWritten: (bytes: number) => void
}

const ZEROS = new Uint8Array(1 << 20)

/**
 * Write one file of a bundle front to back, and hash it meanwhile.
 * @throws CheckpointError, ModelError, the signal's reason, what the file system says
 */
export async function writeOutput(output: OutputFile, filling: Filling): Promise<BundleFile> {
  const { signal } = filling
  const template = output.template && (await readTemplate(join(filling.folder, output.template)))
  if (template && template.length !== output.bytes) {
    throw new ModelError('bundle', `the template of ${output.file} has ${template.length} bytes`)
  }
  await using handle = await open(join(filling.out, output.file), 'w')
  const hash = createHash('sha256')
  let at = 0
  const write = async (bytes: Uint8Array) => {
    signal.throwIfAborted()
    // The disk writes while this thread hashes.
    const written = writeFully(handle, bytes)
    hash.update(bytes)
    await written
    at += bytes.length
    filling.onWritten(bytes.length)
  }
  const keep = async (end: number) => {
    if (template) return end > at ? write(template.subarray(at, end)) : undefined
    while (at < end) await write(ZEROS.subarray(0, Math.min(ZEROS.length, end - at)))
  }
  for (const weight of output.parts) {
    await keep(weight.at)
    for await (const piece of makeWeight(weight, filling.sources.get(weight.slot)!))
      await write(piece)
    if (at === weight.at + weight.bytes) continue
    const made = `${weight.tensors[0]} fills ${output.file} up to byte ${at}`
    throw new ModelError('bundle', `${made}, not ${weight.at + weight.bytes}: a damaged recipe`)
  }
  await keep(output.bytes)
  return { file: output.file, bytes: at, sha256: hash.digest('hex') }
}

/** A disk that is full takes a piece first and complains at the next. */
async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await handle.write(bytes, done)).bytesWritten
  }
}

const readTemplate = async (file: string) => promisify(gunzip)(await readFile(file))
