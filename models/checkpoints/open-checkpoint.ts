import { BinaryFile } from './binary-file.ts'
import type { Checkpoint } from './checkpoint.ts'
import { looksLikeOnnx, openOnnxInitializers } from './onnx-initializers.ts'
import { looksLikeSafetensors, openSafetensors } from './safetensors.ts'
import { looksLikePickle, openTorchLegacy } from './torch/torch-legacy.ts'
import { openTorchZip } from './torch/torch-zip.ts'

const ZIP_MAGIC = Buffer.from('PK\x03\x04')
/** A tar archive has a name of 100 bytes, then numbers, then this. */
const TAR_MAGIC_AT = 257
const HEAD_BYTES = 512

/**
 * The named tensors of a checkpoint file, whatever its format; the content tells it, not the name.
 *
 * Takes torch's zip archives, its files of before 1.6, safetensors, and the initializers of ONNX graphs.
 * Nothing of the file is ever run, and nothing larger than its description is held in memory.
 * @throws CheckpointError
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const file = await BinaryFile.open(path)
  try {
    return await openByContent(file)
  } catch (error) {
    await file[Symbol.asyncDispose]()
    throw error
  }
}

async function openByContent(file: BinaryFile): Promise<Checkpoint> {
  const head = await file.slice(0, Math.min(HEAD_BYTES, file.size))
  const begins = (magic: Buffer) => head.subarray(0, magic.length).equals(magic)
  if (begins(ZIP_MAGIC)) return openTorchZip(file)
  // First of the three: the length of its header may begin like any of them.
  if (looksLikeSafetensors(head, file.size)) return openSafetensors(file)
  if (looksLikePickle(head)) return openTorchLegacy(file)
  if (looksLikeOnnx(head)) return openOnnxInitializers(file)
  return file.fail(describe(head), 'a checkpoint of torch, safetensors or ONNX')
}

/** What lies there instead, where many have met it. */
function describe(head: Buffer): string {
  const text = head.toString('latin1')
  if (head.length === 0) return 'an empty file'
  if (/^\s*</.test(text)) return 'a page of HTML'
  if (text.startsWith('version https://git-lfs')) return 'a pointer of Git LFS instead of the file'
  if (text.startsWith('ustar', TAR_MAGIC_AT)) return "torch's format of before 0.1.10 (tar)"
  return `bytes ${head.toString('hex', 0, 8)}`
}
