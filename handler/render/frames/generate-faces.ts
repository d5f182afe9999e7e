import type { Avatar } from '../face/avatar.ts'
import type { RenderContext } from '../context.ts'
import { pingPongIndex } from './ping-pong.ts'
import type { SpeechFeatures } from '../audio/speech-features.ts'

/** What to draw on one output frame. */
export interface GeneratedFace {
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
 * @param visibility 0..1 per output frame: how much the speech wants the drawn mouth to show
 * @throws ModelError
 * @see MuseTalk scripts/inference.py, the loop over datagen()
 */
export async function* generate(
  avatar: Avatar,
  speech: SpeechFeatures,
  total: number,
  visibility: (index: number) => number,
  batchSize: number,
  ctx: RenderContext,
): AsyncGenerator<GeneratedFace> {
  let waiting: GeneratedFace[] = []
  let needed = 0
  for (let index = 0; index < total; index++) {
    ctx.signal.throwIfAborted()
    const place = avatar.facePlacement(pingPongIndex(index, avatar.count))
    const weight = place ? visibility(index) * place.fade : 0
    waiting.push({ index, weight })
    if (weight > 0) needed++
    if (needed < batchSize && index < total - 1 && waiting.length < 8 * batchSize) continue
    yield* await generateBatch(waiting, avatar, speech, ctx)
    waiting = []
    needed = 0
  }
}

async function generateBatch(
  mouths: GeneratedFace[],
  avatar: Avatar,
  speech: SpeechFeatures,
  ctx: RenderContext,
): Promise<GeneratedFace[]> {
  const needed = mouths.filter(({ weight }) => weight > 0)
  if (needed.length === 0) return mouths
  const faces = await ctx.stage('generate', async () => {
    const indices = needed.map(({ index }) => index)
    const states = await avatar.latents(indices.map((i) => pingPongIndex(i, avatar.count)))
    const prompt = await speech.prompts(indices)
    const { face } = await ctx.models.run('generate', { ...states, prompt })
    return face!.data as Uint8Array
  })
  const size = faces.length / needed.length
  for (const [i, mouth] of needed.entries()) mouth.face = faces.subarray(i * size, (i + 1) * size)
  return mouths
}
