import { asJobError, WorkerError } from '../../handler/errors.ts'
import { avatarCache } from '../../handler/render/avatar-cache.ts'
import { findFfmpeg } from '../../handler/render/ffmpeg.ts'
import { renderer } from '../../handler/render/render.ts'
import { openProven, type Bundle } from '../../models/bundle.ts'
import { ModelError } from '../../models/errors.ts'
import { HINT } from '../hint.ts'
import type { Setup } from './messages.ts'
import { serve, type Note, type Opened } from './serve.ts'

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
