import { appendFile } from 'node:fs/promises'
import { avatarCache } from '../../../handler/render/avatar/avatar-cache.ts'
import { findFfmpeg } from '../../../handler/render/media/find-ffmpeg.ts'
import { createEstimator } from '../../../handler/render/estimate-render.ts'
import { createRenderer } from '../../../handler/render/render.ts'
import type { Render } from '../../../handler/render/render-task.ts'
import type { InitOptions } from '../../../runtime/engine/ipc-messages.ts'
import { runChildLoop, type WarmRenderer } from '../../../runtime/engine/child-loop.ts'
import { fakeModels } from '../models/fake-models.ts'

/** The `crf` of a job whose result is too large for one request to the store. */
export const LARGE = 34
/** How it paints; a mouth tells also whether its moment is loud. */
export const PAINT = { loudMouth: [255, 255, 0] } as const
const PADDING = 9 * 2 ** 20

/** After so many runs of `generate` nothing comes any more: what is rendered hangs in its middle. */
const held = Number(process.env['HOLD_AFTER_RUNS'] ?? Infinity)

/** A render process whose models are fakes; all the rest of it is real. */
async function open({ ffmpegPath, cache }: InitOptions): Promise<WarmRenderer> {
  const ffmpeg = await findFfmpeg(ffmpegPath, new AbortController().signal)
  let runs = 0
  const models = fakeModels({
    ...PAINT,
    before: (graph) => (graph === 'generate' && ++runs > held ? new Promise(() => {}) : undefined),
  })
  const draw = createRenderer(models, ffmpeg, cache && avatarCache(cache))
  const render: Render = async (task, call) => {
    const report = await draw(task, call)
    if (task.options.crf === LARGE) await appendFile(task.output, freeBox(PADDING))
    return report
  }
  const { name, version } = models.manifest
  const bundle = { name, version, id: models.id }
  return { render, estimate: createEstimator(models, ffmpeg), device: 'cpu', bundle }
}

/** A box of an mp4 that players skip. */
function freeBox(bytes: number): Buffer {
  const box = Buffer.alloc(bytes)
  box.writeUInt32BE(bytes)
  box.write('free', 4)
  return box
}

if (process.send) runChildLoop(open)
