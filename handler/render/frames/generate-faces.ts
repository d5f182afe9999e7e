import type { Models } from '../../../models/inference/models.ts'
import { tensorBytes, tensorOf, type Tensors } from '../../../models/inference/tensor.ts'
import { mapConcurrent } from '../../system/concurrent-map.ts'
import { prefetch } from '../../system/prefetch.ts'
import type { Avatar, SourceFrame } from '../avatar/avatar.ts'
import { unpackLatents } from '../avatar/avatar-record.ts'
import type { RenderContext } from '../render-context.ts'
import type { Script } from './script.ts'

/** What an output frame is made of. */
export interface GeneratedFrame extends Pick<SourceFrame, 'frame' | 'placement'> {
  /** u8 [256,256,3] RGB; absent where the source frame stays as it is. */
  face?: Uint8Array
  /** 0..1: how much of it shows. */
  weight: number
  /** What was kept of the source's face; there where `face` is. */
  kept?: Uint8Array
}

const IN_FLIGHT = 3 // batches: one whose faces are laid on, two for the threads that draw
const MOST_WAITING = 3 // times the size of a batch; frames that nothing is drawn on are cheap, not free

/**
 * Generate the faces of output frames in order, batch by batch. Frames that stay as they are (no face
 * found, a pause that shows the source) cost nothing. On a card every batch is as large as the others,
 * for each new shape costs a search for the fastest kernels.
 *
 * @param first number of the first frame in the whole result
 * @throws ModelError
 * @see MuseTalk scripts/inference.py, the loop over datagen()
 */
export function generate(
  frames: AsyncIterable<SourceFrame>,
  { clip }: Pick<Avatar, 'clip'>,
  script: Script,
  batchSize: number,
  ctx: RenderContext,
  first = 0,
): AsyncGenerator<GeneratedFrame[]> {
  const batches = inBatches(frames, script, batchSize, first)
  // Made ready one after the other, so that they come to the graph in their order.
  const ready = prefetch(
    1,
    mapConcurrent(1, batches, (batch) => prepareBatch(batch, script, batchSize, ctx)),
  )
  return mapConcurrent(IN_FLIGHT, ready, (batch) => {
    ctx.signal.throwIfAborted()
    return runBatch(batch, clip, ctx)
  })
}

interface Weighed extends SourceFrame {
  /** Of the output. */
  index: number
  weight: number
}

/** Frames in groups of which `size` need a face; the last may need fewer. */
async function* inBatches(
  frames: AsyncIterable<SourceFrame>,
  script: Script,
  size: number,
  first: number,
): AsyncGenerator<Weighed[]> {
  let batch: Weighed[] = []
  let needed = 0
  let index = first
  for await (const frame of frames) {
    const weight = frame.placement ? script.weight(index) * frame.placement.fade : 0
    batch.push({ ...frame, index, weight })
    index++
    if (weight > 0) needed++
    if (needed < size && batch.length < MOST_WAITING * size) continue
    yield batch
    batch = []
    needed = 0
  }
  if (batch.length > 0) yield batch
}

interface Batch {
  frames: Weighed[]
  /** One for each frame that needs a face. */
  records: Uint8Array[]
  /** Buffers that are to be given back; undefined where no frame needs a face. */
  feeds: Tensors | undefined
}

async function prepareBatch(
  frames: Weighed[],
  script: Script,
  batchSize: number,
  { models, buffers, stage }: RenderContext,
): Promise<Batch> {
  const needed = frames.filter(({ weight }) => weight > 0)
  if (needed.length === 0) return { frames, records: [], feeds: undefined }
  return stage('generate', async () => {
    const size = isPadded(models) ? batchSize : needed.length
    const records = await Promise.all(needed.map(({ record }) => record()))
    const { layers, dim } = models.manifest.listen
    const dims = [size, 10 * layers, dim]
    const prompt = tensorOf('float32', dims, buffers.take(4 * size * 10 * layers * dim))
    const indices = needed.map(({ index }) => index)
    const heard = prompt.data.subarray(0, indices.length * 10 * layers * dim) as Float32Array
    await script.prompts(indices, heard)
    const feeds = { ...unpackLatents(records, size, models.manifest, buffers), prompt }
    return { frames, records, feeds }
  })
}

async function runBatch(
  { frames, records, feeds }: Batch,
  clip: Tensors,
  { models, buffers, stage }: RenderContext,
): Promise<GeneratedFrame[]> {
  if (!feeds) return frames
  const { face } = await stage('generate', () => models.run('generate', { ...feeds, ...clip }))
  for (const tensor of Object.values(feeds)) buffers.give(tensorBytes(tensor))
  const faces = face!.data as Uint8Array
  const bytes = faces.length / face!.dims[0]!
  let drawn = 0
  return frames.map((frame) => {
    if (frame.weight === 0) return frame
    const of = { kept: records[drawn]!, face: faces.subarray(drawn * bytes, (drawn + 1) * bytes) }
    drawn++
    return { ...frame, ...of }
  })
}

const isPadded = ({ graphs }: Models): boolean => graphs.generate?.device === 'cuda'
