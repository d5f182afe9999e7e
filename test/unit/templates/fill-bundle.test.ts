import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readManifest } from '../../../models/inference/manifest.ts'
import { bundleBytes, fillBundle, type FillOptions } from '../../../models/templates/fill-bundle.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'
import { safetensorsFile } from '../../helpers/models/pickle-bytes.ts'

let place: Folder
beforeEach(async () => {
  place = await folder()
  await mkdir(place.file('out'))
})
afterEach(() => place[Symbol.asyncDispose]())

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const f32 = (...values: number[]) => Buffer.from(new Float32Array(values).buffer)
const f16 = (...values: number[]) => Buffer.from(new Float16Array(values).buffer)

type Tensors = Record<string, [shape: number[], values: number[]]>
function checkpoint(tensors: Tensors, dtype = 'F32'): Buffer {
  const header: Record<string, unknown> = {}
  const data: Buffer[] = []
  let at = 0
  for (const [name, [shape, values]] of Object.entries(tensors)) {
    const bytes = dtype === 'F32' ? f32(...values) : f16(...values)
    header[name] = { dtype, shape, data_offsets: [at, (at += bytes.length)] }
    data.push(bytes)
  }
  return safetensorsFile(header, Buffer.concat(data))
}

const WEIGHTS: Tensors = {
  'a.to_q.weight': [
    [2, 3, 1, 1],
    [1, 2, 3, 4, 5, 6],
  ],
  b: [[2], [0.1, -0.1]],
}
const SHAPES = { 'a.query.weight': [2, 3], b: [2] }
const TEMPLATE = Buffer.from('graph[....]tail')

const part = (more: object) => ({ slot: 'vae', make: 'copy', tensors: ['b'], ...more })
const graph = (name: string, more: object[] = []) => ({
  slots: ['vae'],
  files: [{ file: `${name}.onnx`, bytes: TEMPLATE.length, template: 'graph.onnx.gz', parts: more }],
})

function recipe(shapes: Record<string, number[]> = SHAPES) {
  const inline = [part({ at: 6, bytes: 4, half: true })]
  const transposed = { at: 16, bytes: 24, tensors: ['a.query.weight'], permute: [1, 0] }
  const row = { at: 44, bytes: 12, tensors: ['a.query.weight'], row: 1 }
  const data = {
    file: 'encode.onnx.data',
    bytes: 60,
    parts: [part({ at: 4, bytes: 8 }), part(transposed), part(row)],
  }
  const encode = graph('encode', inline)
  return {
    format: 1,
    checkpoints: {
      vae: {
        tensors: shapes,
        aliases: { '.query.': '.to_q.' },
        config: { file: 'vae/config.json', given: { heads: 8 }, usual: { scale: 0.5 } },
      },
      pose: { tensors: { p: [1] } },
    },
    graphs: {
      'encode.fp32': { ...encode, files: [...encode.files, data] },
      'encode.fp16': graph('encode'),
      'generate.fp32': graph('generate'),
      'generate.fp16': graph('generate'),
      'generate.cuda': { slots: ['vae'], files: graph('generate.cuda').files },
      listen: graph('listen'),
      face: {
        slots: ['pose'],
        files: [
          ...graph('face').files,
          ...graph('face_reference').files,
          {
            file: 'face.data',
            bytes: 4,
            parts: [{ ...part({ at: 0, bytes: 4 }), slot: 'pose', tensors: ['p'] }],
          },
        ],
      },
    },
    manifest: {
      ...{ format: 1, name: 'musetalk-v1.5', version: '1.0.0' },
      listen: { layers: 5, dim: 384, overlapS: 2 },
      crop: { chin_margin_px: 10, chin_margin_share: 0 },
      face: { threshold: 0.5 },
      states: [{ name: 'latent', dtype: 'float32', shape: [8] }],
      selfTest: [
        { graph: 'encode', feeds: { crop: { rule: 'ramp' } }, output: 'latent', tolerance: 1 },
      ],
    },
  }
}

interface Given {
  weights?: Buffer
  config?: unknown
  sets?: Record<string, object>
  files?: Record<string, Buffer>
}

/** Options for templates and checkpoints of a few bytes. */
async function prepare({
  weights = checkpoint(WEIGHTS),
  config = { heads: 8 },
  sets,
  files,
}: Given = {}) {
  const templates = place.file('templates')
  for (const [name, made] of Object.entries(sets ?? { official: recipe() })) {
    await mkdir(`${templates}/${name}`, { recursive: true })
    await writeFile(`${templates}/${name}/recipe.json`, JSON.stringify(made))
    await writeFile(`${templates}/${name}/graph.onnx.gz`, gzipSync(TEMPLATE))
  }
  const slot = (name: string, path: string, more = {}) => ({
    ...{ name, license: `license of ${name}`, origin: `maker of ${name}` },
    ...{ files: [{ path, sha256: sha256(Buffer.from(path)) }], ...more },
  })
  const slots = [
    slot('vae', 'vae/model.bin'),
    slot('vae-config', 'vae/config.json', { config: true }),
    slot('pose', 'pose.pth'),
  ]
  await writeFile(`${templates}/files.json`, JSON.stringify({ slots, contents: CONTENTS }))
  const all = {
    'vae/model.bin': weights,
    'vae/config.json': Buffer.from(JSON.stringify(config)),
    ...files,
  }
  const checkpoints: Record<string, { file: string; sha256?: string }> = {}
  for (const [path, bytes] of Object.entries(all)) {
    const file = place.file(path.replace('/', '-'))
    await writeFile(file, bytes)
    checkpoints[path] = { file }
  }
  const options: FillOptions = {
    ...{ templates, checkpoints, out: place.file('out') },
    ...{ precision: 'fp32', cuda: false, signal: new AbortController().signal },
  }
  return options
}

const content = createHash('sha256')
  .update('a.to_q.weight|2x3x1x1|float32|')
  .update(f32(1, 2, 3, 4, 5, 6))
  .update('b|2|float32|')
  .update(f32(0.1, -0.1))
  .digest('hex')
const CONTENTS = { [content]: 'weights of a test' }
const written = (name: string) => readFile(place.file(`out/${name}`))

test('a template with its weights: inline, beside, transposed, halved, one row, under the other name', async () => {
  const options = await prepare({ files: { 'pose.pth': checkpoint({ p: [[1], [7]] }) } })
  const seen: [number, number][] = []
  const onProgress = (done: number, total: number) => seen.push([done, total])
  expect(await fillBundle({ ...options, onProgress })).toEqual({ set: 'official' })

  const inline = Buffer.concat([Buffer.from('graph['), f16(0.1, -0.1), Buffer.from(']tail')])
  expect(await written('encode.onnx')).toEqual(inline)
  const gap = (bytes: number) => Buffer.alloc(bytes)
  const weights = [f32(0.1, -0.1), gap(4), f32(1, 4, 2, 5, 3, 6), gap(4), f32(4, 5, 6), gap(4)]
  const beside = Buffer.concat([gap(4), ...weights])
  expect(await written('encode.onnx.data')).toEqual(beside)
  expect(await written('face.data')).toEqual(f32(7))
  expect(await written('listen.onnx'), 'no part: the template itself').toEqual(TEMPLATE)
  expect(seen.at(-1)).toEqual([seen.at(-1)![1], seen.at(-1)![1]])
  expect(seen.at(-1)![1]).toBe(await bundleBytes(options.templates, options))

  const { manifest } = await readManifest(place.file('out'))
  expect(manifest).toMatchObject({ precision: 'fp32', batch: [1, 2] })
  expect(manifest.selfTest).toEqual([
    { graph: 'encode', feeds: { crop: { rule: 'ramp' } }, expect: {} },
  ])
  expect(manifest.graphs.encode).toMatchObject({
    ...{ file: 'encode.onnx', bytes: inline.length, sha256: sha256(inline) },
    data: [{ file: 'encode.onnx.data', bytes: 60, sha256: sha256(beside) }],
    license: 'license of vae',
    origin: 'vae/model.bin of maker of vae: weights of a test',
  })
  expect(manifest.graphs.face?.data).toEqual(manifest.graphs.face_reference?.data)
  expect(manifest.graphs.face?.origin).toBe('pose.pth of maker of pose: unknown weights')
})

test('a bundle for CUDA without a face', async () => {
  const options = await prepare()
  options.checkpoints['vae/model.bin']!.sha256 = sha256(Buffer.from('vae/model.bin'))
  await fillBundle({ ...options, precision: 'fp16', cuda: true })
  const { manifest } = await readManifest(place.file('out'))
  expect(manifest).toMatchObject({ precision: 'fp16', batch: [1, 8] })
  expect(manifest.graphs.face).toBeUndefined()
  expect(manifest.graphs.encode.data, 'in half it has none here').toBeUndefined()
  expect(manifest.graphs.generate.cuda).toMatchObject({ file: 'generate.cuda.onnx', bytes: 15 })
  expect(manifest.graphs.generate.origin).toBe('vae/model.bin of maker of vae: official file')
})

test('the set whose shapes the weights have', async () => {
  const other = recipe({ ...SHAPES, b: [3] })
  const options = await prepare({ sets: { first: other, second: recipe() } })
  expect(await fillBundle(options)).toEqual({ set: 'second' })
})

const without = { 'a.to_q.weight': WEIGHTS['a.to_q.weight']! }
const big: Tensors = { ...WEIGHTS, b: [[2], [65519, 65520]] }

test.each<[string, Given, RegExp]>([
  [
    'no set fits, and the nearest tells why',
    { sets: { a: recipe({ c: [1], d: [1] }), x: recipe({ ...SHAPES, b: [3] }) } },
    /model\.bin: found "b", float32 \[2\]; expected "b", float32 \[3\]$/,
  ],
  [
    'a tensor is missing',
    { weights: checkpoint(without) },
    /found no "b"; expected "b", float32 \[2\]$/,
  ],
  ['half floats', { weights: checkpoint(WEIGHTS, 'F16') }, /"a.to_q.weight", float16 \[2,3,1,1\]/],
  [
    'a number beyond half precision',
    { weights: checkpoint(big) },
    /found values beyond half precision in "b"; expected .*--precision fp32/,
  ],
  [
    'no number',
    { weights: checkpoint({ ...WEIGHTS, b: [[2], [NaN, 0]] }) },
    /found NaN in "b"; expected finite/,
  ],
  [
    'infinity',
    { weights: checkpoint({ ...WEIGHTS, b: [[2], [0, -Infinity]] }) },
    /-Infinity in "b"/,
  ],
  ['other heads', { config: { heads: 4 } }, /found "heads": 4; expected "heads": 8/],
  ['no heads', { config: {} }, /found no "heads"; expected "heads": 8/],
  ['another scale than usual', { config: { heads: 8, scale: 1 } }, /found "scale": 1; expected/],
  ['a configuration of nothing', { config: null }, /found no JSON object/],
  [
    'a checkpoint of nothing',
    { weights: Buffer.from('<html>') },
    /vae-model\.bin: found a page of HTML/,
  ],
])('refused: %s', async (_, given, message) => {
  await expect(fillBundle(await prepare(given))).rejects.toThrow(message)
})

test('a file that every bundle needs, and a configuration, must be there', async () => {
  const options = await prepare()
  const { 'vae/config.json': config, ...rest } = options.checkpoints
  await expect(fillBundle({ ...options, checkpoints: rest })).rejects.toThrow(/vae\/config\.json/)
  const only = { 'vae/config.json': config! }
  await expect(fillBundle({ ...options, checkpoints: only })).rejects.toThrow(/vae: found no file/)
})

test('a recipe that does not fill what it says is found', async () => {
  const wrong = recipe()
  wrong.graphs.listen.files[0]!.parts = [part({ at: 6, bytes: 4 })]
  const options = await prepare({ sets: { official: wrong } })
  await expect(fillBundle(options)).rejects.toThrow(/b fills listen\.onnx up to byte 14, not 10/)
})

test('it stops where it is told to, and leaves no file open', async () => {
  const options = await prepare()
  const stop = new AbortController()
  const onProgress = () => stop.abort(new Error('enough'))
  const filled = fillBundle({ ...options, onProgress, signal: stop.signal })
  await expect(filled).rejects.toThrow('enough')
})
