import { expect, test } from 'vitest'
import { createRenderer } from '../../handler/render/render.ts'
import type { Render } from '../../handler/render/render-task.ts'
import { openBundle } from '../../models/inference/bundle.ts'
import type { Models } from '../../models/inference/models.ts'
import { LITE } from '../../runtime/config/bundle-directory.ts'
import { ffmpeg as run } from '../helpers/media/media.ts'
import { swayingPortrait } from '../helpers/media/portrait.ts'
import { scenario } from '../helpers/jobs/scenario.ts'
import { listeningModels } from '../helpers/models/listening-models.ts'

const at = await scenario()
const SECONDS = 11
const RATE = 12
const FRAMES = SECONDS * RATE
const JOINT = 110 // late enough for a part that has not seen where the whole began to rest
/** A fifth of the tracker's own noise at most, which is 0.0007 to 0.0018 of a face: 69 px high here. */
const NEAR_PX = 0.01

async function speech(): Promise<string> {
  const file = at.media.file('speech.wav')
  const tone = [
    '-f',
    'lavfi',
    '-i',
    `sine=f=220:r=16000:d=${SECONDS}`,
    '-af',
    'tremolo=f=1.3:d=0.9',
  ]
  await run(at.ffmpeg.path, ['-v', 'error', ...tone, file])
  return file
}

/** What every sample of a frame says, frame by frame. */
async function pictures(file: string): Promise<string[]> {
  const args = ['-v', 'error', '-i', file, '-map', '0:v', '-f', 'framemd5', '-']
  const { stdout } = await run(at.ffmpeg.path, args)
  return stdout
    .toString()
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)!)
}

/** Notes the landmarks that are drawn from, frame by frame. */
function noting(models: Models, landmarks: Float32Array[]): Models {
  return {
    ...models,
    run(graph, feeds, rank) {
      if (graph === 'encode') {
        const { data, dims } = feeds['landmarks']!
        const [faces, size] = [dims[0]!, data.length / dims[0]!]
        for (let i = 0; i < faces; i++) {
          landmarks.push(Float32Array.from(data.slice(i * size, (i + 1) * size) as Float32Array))
        }
      }
      return models.run(graph, feeds, rank)
    },
  }
}

test.skipIf(!process.env['SPLIT_TEST'])(
  'a face that is followed rests in a part where it does in one piece',
  async () => {
    await using lite = await openBundle(LITE, { device: 'cpu', threads: 1, lanes: 1 })
    const seen: Float32Array[][] = [[], []]
    const [drawWhole, drawPart] = seen.map((landmarks) =>
      createRenderer(noting(listeningModels(lite), landmarks), at.ffmpeg),
    )
    const part = at.media.file('part.mkv')
    const step = {
      do: 'draw',
      from: JOINT,
      to: FRAMES,
      total: FRAMES,
      sourceFrames: FRAMES,
    } as const
    const render: Render = async (task, call) => {
      await drawPart!({ ...task, output: part, dir: at.media.file('part'), split: step }, call)
      return drawWhole!(task, call)
    }
    const clip = { seconds: SECONDS, fps: RATE }
    const video = await swayingPortrait(at.ffmpeg, at.media.file('sway.mkv'), clip)
    const job = { video, audio: await speech(), output: { lossless: true } }
    const { result } = await at.render(job, { deps: { render } })

    expect(result.frames).toBe(FRAMES)
    expect(await pictures(part)).toEqual((await pictures(result.output_url)).slice(JOINT))
    const [whole, drawn] = [seen[0]!.slice(JOINT), seen[1]!]
    expect(drawn).toHaveLength(FRAMES - JOINT)
    const apart = drawn.map((landmarks, i) =>
      Math.max(...landmarks.map((value, k) => Math.abs(value - whole[i]![k]!))),
    )
    expect(Math.max(...apart)).toBeLessThan(NEAR_PX)
  },
)
