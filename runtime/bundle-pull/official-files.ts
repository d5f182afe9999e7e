import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'

const text = v.pipe(v.string(), v.nonEmpty())
const url = v.pipe(text, v.url())
const File = v.object({
  path: v.pipe(text, v.regex(/^[\w-]+[\w./-]*$/, 'must be a relative path')),
  bytes: v.pipe(v.number(), v.integer(), v.minValue(1)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  sources: v.array(
    v.union([v.object({ repository: text, revision: text, path: text }), v.object({ url })]),
  ),
})
const Slot = v.object({
  name: text,
  /** A configuration, not weights. */
  config: v.optional(v.boolean(), false),
  license: text,
  origin: text,
  optional: v.optional(v.boolean(), false),
  files: v.pipe(v.array(File), v.minLength(1)),
})
const List = v.object({
  slots: v.array(Slot),
  /** Names of known weights by a hash over their tensors, whatever file they are in. */
  contents: v.optional(v.record(v.string(), v.string()), {}),
})

/** A checkpoint file as its authors published it; `path` is that of MuseTalk's own `models` folder. */
export type OfficialFile = v.InferOutput<typeof File>
/** Where a file can be fetched from: a repository of the model hub, or an address of its own. */
export type FileSource = OfficialFile['sources'][number]
/** A part of the bundle, and the files that it can be made of: any one of them, the best first. */
export type FileSlot = v.InferOutput<typeof Slot>

/** A file that is on this machine. */
export interface LocalFile {
  /** In the official layout. */
  path: string
  /** Where it lies. */
  file: string
  /** Where it is that of an official file. */
  sha256?: string
}

/** Whether other bytes than the official ones will do for a file. @param file where they lie */
export type AcceptFile = (
  official: OfficialFile,
  file: string,
  signal: AbortSignal,
) => Promise<boolean>

/** The list of official files that lies with a bundle's templates. @see models/musetalk-v1.5/README.md */
export async function readOfficialFiles(templates: string): Promise<v.InferOutput<typeof List>> {
  return v.parse(List, JSON.parse(await readFile(join(templates, 'files.json'), 'utf8')))
}
