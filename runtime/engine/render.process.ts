import { asJobError, WorkerError } from '../../handler/errors.ts'
import { avatarCache } from '../../handler/render/face/avatar-cache.ts'
import { findFfmpeg } from '../../handler/render/media/ffmpeg.ts'
import { renderer } from '../../handler/render/render.ts'
import { openProven, type Bundle } from '../../models/inference/bundle.ts'
import { ModelError } from '../../models/inference/errors.ts'
import { HINT } from '../../handler/hint.ts'
import type { Setup } from './ipc-messages.ts'
import { serve, type Note, type Opened } from './child-loop.ts'

/** Models warm and checked, ffmpeg found. */
async function open(setup: Setup, note: Note): Promise<Opened> {
  const [ffmpeg, bundle] = await Promise.all([
    findFfmpeg(setup.ffmpegPath, new AbortController().signal),
    openChecked(setup, note),
  ])
  const { manifest, id, graphs } = bundle
  return {
    render: renderer(bundle, ffmpeg, setup.cache && avatarCache(setup.cache)),
    device: graphs.generate?.device ?? 'cpu',
    bundle: { name: manifest.name, version: manifest.version, id },
  }
}

async function openChecked(setup: Setup, note: Note): Promise<Bundle> {
  try {
    const { bundle, device, threads, lanes, modelCache } = setup
    const cache = modelCache !== undefined && { cache: modelCache }
    return await openProven(bundle, { device, threads, lanes, note, ...cache })
  } catch (thrown) {
    if (!(thrown instanceof ModelError)) throw asJobError(thrown)
    const message = `${thrown.message}; ${HINT[thrown.kind]}`
    throw new WorkerError('MODEL_BROKEN', message, { cause: thrown })
  }
}

// This file is what the render process runs; nothing imports it.
if (process.send) serve(open)
