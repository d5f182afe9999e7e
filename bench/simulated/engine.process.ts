import { findFfmpeg } from '../../handler/render/media/find-ffmpeg.ts'
import { createEstimator } from '../../handler/render/estimate-render.ts'
import { createRenderer } from '../../handler/render/render.ts'
import type { Render } from '../../handler/render/render-task.ts'
import { openPixels } from '../../models/pixels/threads/pixels.ts'
import { collectPatiently } from '../../runtime/engine/patient-gc.ts'
import { runChildLoop, type WarmRenderer } from '../../runtime/engine/child-loop.ts'
import type { InitOptions } from '../../runtime/engine/ipc-messages.ts'
import type { Simulation } from './card.ts'
import { simulatedModels } from './models.ts'

/** A render process whose card is simulated; `bundle` says which. It tells what the card did. */
async function open({ bundle, ffmpegPath }: InitOptions): Promise<WarmRenderer> {
  const ffmpeg = await findFfmpeg(ffmpegPath, new AbortController().signal)
  const models = await simulatedModels(JSON.parse(bundle) as Simulation)
  const pixels = openPixels()
  await pixels.warmUp()
  const draw = createRenderer(models, ffmpeg, undefined, pixels)
  const render: Render = async (task, call) => {
    models.onRun = (graph) => {
      if (graph !== 'generate') return
      call.log.info('bench.generated')
      delete models.onRun
    }
    const report = await draw(task, call)
    call.log.info('bench.card', { ...models.use() })
    return report
  }
  const { name, version } = models.manifest
  return {
    ...{ render, estimate: createEstimator(models, ffmpeg), device: 'cuda' as const },
    bundle: { name, version, id: models.id },
  }
}

if (process.send) {
  collectPatiently()
  runChildLoop(open)
}
