import { expect, test } from 'vitest'
import { scriptOf } from '../../../../handler/render/frames/script.ts'
import type { SpeechFeatures } from '../../../../handler/render/audio/speech-features.ts'

/** What the frames of a segment at 25 fps ask its recording for. */
async function asked(from: number, indices: readonly number[]): Promise<readonly number[]> {
  let seen: readonly number[] = []
  const speech = {
    ...{ frames: 50, samples: 32_000, loudness: new Float32Array(50) },
    prompts: async (frames: readonly number[]) => void (seen = frames),
  } as unknown as SpeechFeatures
  const voices = [{ speech, span: { from, to: from + 1 } }]
  const script = scriptOf(voices, 'model', 100, { num: 25, den: 1 })
  await script.prompts(indices, new Float32Array(indices.length))
  return seen
}

test.each([
  [0.2, [5, 6], [0, 1]],
  [0.28, [7, 8], [0, 1]], // times 25 it is a little more than 7
  [0.22, [6, 7], [0.5, 1.5]],
  [0.21, [5, 6], [-0.25, 0.75]],
])('of a segment from %s s, frames %j hear its recording at %j', async (from, frames, heard) => {
  expect(await asked(from, frames)).toEqual(heard)
})
