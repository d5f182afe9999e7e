import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesOf, graphsOf, readManifest } from '../../../models/inference/manifest.ts'
import { folder } from '../../helpers/media/media.ts'
import { MANIFEST } from '../../helpers/models/fake-models.ts'

const file = (name: string, digit: string) => ({ file: name, bytes: 8, sha256: digit.repeat(64) })
const graph = (name: string, digit: string) => ({
  ...file(`${name}.onnx`, digit),
  ...{ license: 'none', origin: 'test' },
})
const weights = file('face.data', 'f')
const GRAPHS = {
  face: { ...graph('face', '1'), data: [weights] },
  face_reference: { ...graph('face_reference', '2'), data: [weights] },
  encode: graph('encode', '3'),
  listen: graph('listen', '4'),
  generate: {
    ...graph('generate', '5'),
    data: [file('generate.data', '6')],
    cuda: { ...file('generate.cuda.onnx', '7'), data: [file('generate.cuda.data', '8')] },
  },
}

async function read(changes: object) {
  await using place = await folder()
  const text = JSON.stringify({ ...MANIFEST, graphs: GRAPHS, ...changes })
  await writeFile(place.file('manifest.json'), text)
  return { text, ...(await readManifest(join(place.file('manifest.json'), '..'))) }
}

test('a bundle is called by the SHA-256 of its manifest', async () => {
  const one = await read({})
  expect(one.id).toBe(createHash('sha256').update(one.text).digest('hex').slice(0, 12))
  expect((await read({ batch: [8] })).id).not.toBe(one.id)
})

test('weights beside a graph and variants for CUDA are files of the bundle, each once', async () => {
  const { manifest } = await read({})
  expect(filesOf(manifest).map((each) => each.file)).toEqual([
    ...['face.onnx', 'face.data', 'face_reference.onnx', 'encode.onnx', 'listen.onnx'],
    ...['generate.onnx', 'generate.data', 'generate.cuda.onnx', 'generate.cuda.data'],
  ])
})

test('a bundle may have no detector', async () => {
  const { face: _, face_reference: __, ...graphs } = GRAPHS
  const { manifest } = await read({ graphs })
  expect(graphsOf(manifest).map(({ name }) => name)).toEqual(['encode', 'listen', 'generate'])
})

test('two checksums for one file are a contradiction', async () => {
  const face_reference = { ...GRAPHS.face_reference, data: [file('face.data', 'e')] }
  const { manifest } = await read({ graphs: { ...GRAPHS, face_reference } })
  expect(() => filesOf(manifest)).toThrow(/two checksums for face\.data/)
})

test.each(['../face.data', '/face.data', '..', '.hidden', 'a/b'])(
  'a file called %s is refused: a bundle is one folder',
  async (name) => {
    const face = { ...GRAPHS.face, data: [file(name, 'f')] }
    await expect(read({ graphs: { ...GRAPHS, face } })).rejects.toThrow(/plain file name/)
  },
)
