import { asJobError, WorkerError } from '../../handler/errors.ts'
import { avatarCache } from '../../handler/render/avatar/avatar-cache.ts'
import { findFfmpeg } from '../../handler/render/media/find-ffmpeg.ts'
import { createEstimator } from '../../handler/render/estimate-render.ts'
import { createRenderer } from '../../handler/render/render.ts'
import { openVerified, type Bundle } from '../../models/inference/bundle.ts'
import { ModelError } from '../../models/inference/errors.ts'
import { openPixels } from '../../models/pixels/threads/pixels.ts'
import { shortcomingOf } from '../../models/inference/manifest.ts'
import { MODEL_ERROR_HINTS } from '../../handler/errors.ts'
import { collectPatiently } from './patient-gc.ts'
import type { InitOptions } from './ipc-messages.ts'
import { runChildLoop, type OnWarning, type WarmRenderer } from './child-loop.ts'

/** Models warm and checked, ffmpeg found. */
async function initialize(setup: InitOptions, onWarning: OnWarning): Promise<WarmRenderer> {
  const pixels = openPixels()
  const [ffmpeg, bundle] = await Promise.all([
    findFfmpeg(setup.ffmpegPath, new AbortController().signal),
    openChecked(setup, onWarning),
    pixels.warmUp(),
  ])
  const { manifest, id, graphs } = bundle
  const reason = shortcomingOf(manifest)
  if (reason !== undefined) onWarning('bundle.incomplete', { bundle: id, reason })
  return {
    render: createRenderer(bundle, ffmpeg, setup.cache && avatarCache(setup.cache), pixels),
    estimate: createEstimator(bundle, ffmpeg),
    device: graphs.generate?.device ?? 'cpu',
    bundle: { name: manifest.name, version: manifest.version, id },
  }
}

async function openChecked(setup: InitOptions, onWarning: OnWarning): Promise<Bundle> {
  try {
    const { bundle, device, threads, lanes, modelCache } = setup
    const cache = modelCache !== undefined && { cache: modelCache }
    return await openVerified(bundle, { device, threads, lanes, onWarning, ...cache })
  } catch (thrown) {
    if (!(thrown instanceof ModelError)) throw asJobError(thrown)
    const message = `${thrown.message}; ${MODEL_ERROR_HINTS[thrown.kind]}`
    throw new WorkerError('MODEL_BROKEN', message, { cause: thrown })
  }
}

// This file is what the render process runs; nothing imports it.
if (process.send) {
  collectPatiently()
  runChildLoop(initialize)
}
