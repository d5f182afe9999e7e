import type { Avatar } from '../face/avatar.ts'
import type { RenderContext } from '../context.ts'
import { sourceIndex } from './ping-pong.ts'
import type { Speech } from '../audio/speech-features.ts'

/** What to draw on one output frame. */
export interface Mouth {
  /** Output frame. */
  index: number
  /** u8 [256,256,3] RGB; absent where the source frame stays as it is. */
  face?: Uint8Array
  /** 0..1: how much of it shows. */
  weight: number
}

/**
 * Generate the faces of output frames 0..total-1 in order. Frames that stay as they are (no face
 * found, a pause that shows the source) cost nothing.
 *
 * @param shown 0..1 per output frame: how much the speech wants the drawn mouth to show
 * @throws ModelError
 * @see MuseTalk scripts/inference.py, the loop over datagen()
 */
export async function* generate(
  avatar: Avatar,
  speech: Speech,
  total: number,
  shown: (index: number) => number,
  batchSize: number,
  ctx: RenderContext,
): AsyncGenerator<Mouth> {
  let waiting: Mouth[] = []
  let drawn = 0
  for (let index = 0; index < total; index++) {
    ctx.signal.throwIfAborted()
    const place = avatar.faceOf(sourceIndex(index, avatar.count))
    const weight = place ? shown(index) * place.fade : 0
    waiting.push({ index, weight })
    if (weight > 0) drawn++
    if (drawn < batchSize && index < total - 1 && waiting.length < 8 * batchSize) continue
    yield* await draw(waiting, avatar, speech, ctx)
    waiting = []
    drawn = 0
  }
}

async function draw(
  mouths: Mouth[],
  avatar: Avatar,
  speech: Speech,
  ctx: RenderContext,
): Promise<Mouth[]> {
  const drawn = mouths.filter(({ weight }) => weight > 0)
  if (drawn.length === 0) return mouths
  const faces = await ctx.stage('generate', async () => {
    const indices = drawn.map(({ index }) => index)
    const states = await avatar.statesOf(indices.map((i) => sourceIndex(i, avatar.count)))
    const prompt = await speech.prompts(indices)
    const { face } = await ctx.models.run('generate', { ...states, prompt })
    return face!.data as Uint8Array
  })
  const size = faces.length / drawn.length
  for (const [i, mouth] of drawn.entries()) mouth.face = faces.subarray(i * size, (i + 1) * size)
  return mouths
}
