import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Recipe } from '../../../runtime/bundle-pull/pull-options.ts'
import type { FileSlot, OfficialFile } from '../../../runtime/bundle-pull/official-files.ts'
import { MANIFEST } from '../models/fake-models.ts'
import type { HubContent } from './fake-hub.ts'

export const REVISION = 'a'.repeat(40)

/** Bytes that look random and are always the same. */
export function noise(seed: string, bytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 64) }, (_, i) =>
    createHash('sha512').update(`${seed} ${i}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, bytes)
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** What the hub has: a large file, twins, a configuration, and a file of two places. */
export const CONTENTS: Record<string, Buffer> = {
  'net/unet.pth': noise('unet', 700_000),
  'net/unet.json': Buffer.from('{"layers": 2}'),
  'vae/model.bin': noise('vae', 300_000),
  'vae/model.safetensors': noise('vae, safe', 299_000),
  'face.pth': noise('face', 200_000),
}

const file = (path: string, ...sources: OfficialFile['sources']): OfficialFile => ({
  ...{ path, bytes: CONTENTS[path]!.length, sha256: sha256(CONTENTS[path]!) },
  sources,
})
const at = (repository: string, path: string) => ({ repository, revision: REVISION, path })

export const SLOTS: FileSlot[] = [
  {
    ...{ name: 'unet', license: 'MIT', origin: 'acme/net', config: false, optional: false },
    files: [file('net/unet.pth', at('acme/net', 'deep/unet.pth'))],
  },
  {
    ...{ name: 'unet-config', license: 'MIT', origin: 'acme/net', config: false, optional: false },
    files: [file('net/unet.json', at('acme/net', 'deep/unet.json'))],
  },
  {
    ...{ name: 'vae', license: 'Apache-2.0', origin: 'other/vae', config: false, optional: false },
    files: [
      file('vae/model.bin', at('other/vae', 'model.bin')),
      file('vae/model.safetensors', at('other/vae', 'model.safetensors')),
    ],
  },
  {
    ...{ name: 'face', license: 'BSD', origin: 'acme/net', config: false, optional: true },
    files: [file('face.pth', at('acme/net', 'face.pth'))],
  },
]

/** All of it, at the pinned revisions, as the fake hub wants it. */
export const hubFiles = (): Record<string, HubContent> =>
  Object.fromEntries(
    SLOTS.flatMap(({ files }) =>
      files.map(({ path, sources: [source] }) => {
        const { repository, revision, path: name } = source as ReturnType<typeof at>
        return [`${repository}/${revision}/${name}`, CONTENTS[path]!]
      }),
    ),
  )

export const TOTAL_BYTES = 700_000 + 13 + 300_000 + 200_000

export interface SmallRecipe extends Recipe {
  /** Called in the middle of a fill. */
  halfway: () => Promise<void>
  fills: Record<string, string>[]
}

/** A bundle of one file, which holds what the checkpoints are. */
export function smallRecipe(slots: FileSlot[] = SLOTS): SmallRecipe {
  const recipe: SmallRecipe = {
    ...{ slots, fills: [], halfway: async () => {} },
    size: async () => 100_000,
    accepts: async (_, file) => (await readFile(file)).subarray(0, 5).toString() === 'known',
    async fill(checkpoints, out, { precision, cuda }, { signal, onProgress }) {
      recipe.fills.push(Object.fromEntries(checkpoints.map(({ path, file }) => [path, file])))
      const digests = await Promise.all(
        checkpoints
          .toSorted((a, b) => a.path.localeCompare(b.path))
          .map(async ({ path, file, sha256: known }) => {
            const found = sha256(await readFile(file))
            return `${path} ${found} ${known === found ? 'official' : 'unknown'}\n`
          }),
      )
      const content = digests.join('')
      onProgress(1, 2)
      await writeFile(join(out, 'generate.onnx'), content.slice(0, 10))
      await recipe.halfway()
      signal.throwIfAborted()
      await writeFile(join(out, 'generate.onnx'), content)
      const entry = {
        ...{ file: 'generate.onnx', bytes: content.length, sha256: sha256(Buffer.from(content)) },
        ...{ license: 'none', origin: 'test' },
      }
      const generate = cuda ? { ...entry, cuda: entry } : entry
      const graphs = { encode: entry, listen: entry, generate }
      const manifest = { ...MANIFEST, name: 'musetalk-v1.5', precision, graphs, selfTest: [] }
      await writeFile(join(out, 'manifest.json'), JSON.stringify(manifest))
      onProgress(2, 2)
    },
  }
  return recipe
}
