import { join } from 'node:path'
import type { Manifest, Models } from '../../models/bundle.ts'
import { image, sizeOf, type Box } from '../../models/pixels/image.ts'
import { lanczosPlan, resizeLanczos4, type LanczosPlan } from '../../models/pixels/lanczos.ts'
import { bytesIn, bytesOf, tensorOf, type Tensors } from '../../models/tensor.ts'
import { InputError } from '../errors.ts'
import type { FaceChoice, Job } from '../job.ts'
import { ahead } from './ahead.ts'
import { cropBoxOf, inCrop } from './box.ts'
import { canvasOf } from './canvas.ts'
import type { RenderContext } from './context.ts'
import { decode, fingerprint, type Source } from './decode.ts'
import { hz } from './media.ts'
import { Records } from './records.ts'
import { settle, settleSingly, type Settled } from './settle.ts'
import { faceTracker, type Seen } from './track.ts'

const SIDE = 256
const HELD_BYTES = 192 << 20 // frames that wait for their neighbours

/** Everything about the source that does not depend on the speech. */
export interface Avatar extends AsyncDisposable {
  /** Source frames that were scanned. */
  count: number
  withoutFace: number
  fingerprintOf(index: number): number
  faceOf(index: number): Placed | undefined
  /** What `generate` needs of these frames, in one batch; all must have a face. */
  statesOf(indices: readonly number[]): Promise<Tensors>
}

/** Where a generated face goes. */
export interface Placed {
  box: Box
  fade: number
}

/**
 * Scan up to `limit` source frames: find and follow the face, cut it out, encode it. What is learned
 * per frame goes to disk, in records of one size.
 *
 * @throws InputError NO_FACE where no frame has one, MEDIA_UNREADABLE; ModelError
 */
export async function scan(
  source: Source,
  limit: number,
  { face: choice, compat }: Pick<Job, 'face' | 'compat'>,
  ctx: RenderContext,
): Promise<Avatar> {
  const { manifest } = ctx.models
  const bytes = manifest.states.reduce((sum, state) => sum + bytesOf(state.dtype, state.shape), 0)
  const records = await Records.create(join(ctx.dir, 'avatar.states'), bytes)
  try {
    const placed: ((Placed & { slot: number }) | undefined)[] = []
    const fingerprints: number[] = []
    const { rate } = source.facts
    const held = Math.floor(HELD_BYTES / canvasOf(source.facts).bytes)
    const looked = answered(ahead(1, look(source, limit, choice, ctx)))
    const singly = compat === 'reference' || (typeof choice === 'object' && 'boxes' in choice)
    const settled = singly ? settleSingly(looked) : settle(looked, rate, held)
    const encode = encoder(source, ctx)
    for await (const { frame, face } of settled) {
      fingerprints.push(fingerprint(frame))
      const box = face && cropBoxOf(face.region, manifest.crop, source.facts)
      placed.push(box && { box, fade: face.fade, slot: records.count })
      if (box) await records.append(await encode(frame, box, face))
      ctx.signal.throwIfAborted()
    }
    if (records.count === 0) {
      const length = `${placed.length} frames (${(placed.length / hz(rate)).toFixed(1)} s)`
      throw new InputError('NO_FACE', `no face was found in ${length} of the video`)
    }
    const clip = await wholeClip(records, ctx.models)
    return {
      count: placed.length,
      withoutFace: placed.length - records.count,
      fingerprintOf: (index) => fingerprints[index]!,
      faceOf: (index) => placed[index],
      async statesOf(indices) {
        const slots = indices.map((index) => placed[index]!.slot)
        return { ...(await batch(records, slots, manifest)), ...clip }
      },
      [Symbol.asyncDispose]: () => records[Symbol.asyncDispose](),
    }
  } catch (error) {
    await records[Symbol.asyncDispose]()
    throw error
  }
}

async function* look(
  source: Source,
  limit: number,
  choice: FaceChoice,
  ctx: RenderContext,
): AsyncGenerator<{ frame: Uint8Array; seen: Promise<Seen | undefined> }> {
  const tracker = faceTracker(ctx.models, source.facts, choice)
  let index = 0
  for await (const frame of decode(source, { first: 0, count: limit }, ctx)) {
    yield { frame, seen: tracker.look(frame, index++) }
  }
}

async function* answered(
  looks: AsyncIterable<{ frame: Uint8Array; seen: Promise<Seen | undefined> }>,
): AsyncGenerator<{ frame: Uint8Array; seen: Seen | undefined }> {
  for await (const { frame, seen } of looks) yield { frame, seen: await seen }
}

/** Cut a face out of a frame and encode it; returns one record. */
function encoder({ facts }: Source, { models }: RenderContext) {
  const canvas = canvasOf(facts)
  const face = image(SIDE, SIDE, 3)
  const wanted = models.graphs.encode?.inputs.some(({ name }) => name === 'landmarks')
  let plan: LanczosPlan | undefined
  return async (frame: Uint8Array, box: Box, { landmarks }: Settled): Promise<Uint8Array> => {
    const cut = canvas.cut(frame, box)
    if (plan?.from !== sizeOf(cut)) plan = lanczosPlan(cut, face)
    resizeLanczos4(cut, face, plan)
    const feeds: Tensors = { crop: { type: 'uint8', dims: [1, SIDE, SIDE, 3], data: face.data } }
    if (wanted) {
      feeds.landmarks = { type: 'float32', dims: [1, 68, 2], data: inCrop(landmarks, box) }
    }
    const states = await models.run('encode', feeds)
    return Buffer.concat(models.manifest.states.map(({ name }) => bytesIn(states[name]!)))
  }
}

/** Records → one batch of state tensors. */
async function batch(
  records: Records,
  slots: readonly number[],
  { states }: Manifest,
  wanted: (name: string) => boolean = () => true,
): Promise<Tensors> {
  const parts = states.map(
    ({ dtype, shape }) => new Uint8Array(slots.length * bytesOf(dtype, shape)),
  )
  for (const [i, slot] of slots.entries()) {
    const record = await records.read(slot, 1)
    let at = 0
    for (const part of parts) {
      const size = part.length / slots.length
      part.set(record.subarray(at, at + size), i * size)
      at += size
    }
  }
  const tensors = states.map(({ name, dtype, shape }, k): [string, Tensors[string]] => [
    name,
    tensorOf(dtype, [slots.length, ...shape], parts[k]!),
  ])
  return Object.fromEntries(tensors.filter(([name]) => wanted(name)))
}

/** What is true of the clip as a whole, where the bundle has a graph for it. */
async function wholeClip(records: Records, models: Models): Promise<Tensors> {
  const { clip } = models.graphs
  if (!clip) return {}
  const count = Math.min(records.count, models.manifest.clip.frames)
  const spread = (i: number) => Math.floor(((i + 0.5) * records.count) / count)
  const slots = Array.from({ length: count }, (_, i) => spread(i))
  const wanted = new Set(clip.inputs.map(({ name }) => name))
  return models.run(
    'clip',
    await batch(records, slots, models.manifest, (name) => wanted.has(name)),
  )
}
