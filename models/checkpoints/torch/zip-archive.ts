import { callbackify } from 'node:util'
import * as yauzl from 'yauzl'
import type { BinaryFile } from '../binary-file.ts'
import { CheckpointError } from '../errors.ts'
import { quote } from '../placed-tensors.ts'

/** A file inside an archive, stored as it is. */
export interface StoredEntry {
  name: string
  /** Byte of the archive at which it begins. */
  at: number
  bytes: number
}

const MAX_ENTRIES = 100_000
const STORED = 0

/**
 * What lies in a zip archive of stored files, by name; nothing is unpacked and no name becomes a path.
 *
 * Checksums of the archive are not looked at: torch writes wrong ones when told so and does not check
 * them itself. Whether a file is whole is told by its SHA-256.
 * @throws CheckpointError for packed or encrypted entries, doubled names, places outside the file or in each other
 */
export async function readZipEntries(file: BinaryFile): Promise<Map<string, StoredEntry>> {
  const entries = new Map<string, StoredEntry>()
  let zip: yauzl.ZipFile | undefined
  try {
    const options = { autoClose: false, lazyEntries: true }
    zip = await yauzl.fromRandomAccessReaderPromise(new BoundedReader(file), file.size, options)
    if (zip.entryCount > MAX_ENTRIES) {
      file.fail(`a zip archive of ${zip.entryCount} entries`, `at most ${MAX_ENTRIES}`)
    }
    for await (const entry of zip.eachEntry()) {
      const { fileName: name, uncompressedSize: bytes } = entry
      if (entry.compressionMethod !== STORED || entry.isEncrypted()) {
        const found = `${quote(name)} packed or encrypted inside the archive`
        file.fail(found, 'stored entries, as torch.save writes them')
      }
      if (entries.has(name)) file.fail(`two entries named ${quote(name)}`, 'a name for each')
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
      entries.set(name, { name, at: fileDataStart, bytes })
    }
  } catch (error) {
    if (error instanceof CheckpointError) throw error
    file.fail(`a damaged zip archive (${(error as Error).message})`, 'one of torch.save', error)
  }
  refuseOverlaps(file, [...entries.values()])
  return entries
}

/** yauzl's own reader throws where nobody can catch it when an archive names a place beyond 2^53. */
class BoundedReader extends yauzl.RandomAccessReader {
  readonly #file: BinaryFile
  constructor(file: BinaryFile) {
    super()
    this.#file = file
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    const into = buffer.subarray(offset, offset + length)
    callbackify(() => this.#file.read(into, position))(callback)
  }
}

function refuseOverlaps(file: BinaryFile, entries: readonly StoredEntry[]): void {
  let end = 0
  for (const { name, at, bytes } of entries.toSorted((one, other) => one.at - other.at)) {
    if (at < end) file.fail(`${quote(name)} inside another entry`, 'entries that lie apart')
    end = at + bytes
    if (end > file.size) {
      file.fail(`${quote(name)} ending at byte ${end} of ${file.size}`, 'the whole entry')
    }
  }
}
