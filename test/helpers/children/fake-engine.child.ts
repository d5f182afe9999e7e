import { setTimeout as sleep } from 'node:timers/promises'
import { InputError, WorkerError } from '../../../handler/errors.ts'
import { createStageTimer } from '../../../handler/render/render-context.ts'
import { toSystemError } from '../../../handler/render/media/ffmpeg-errors.ts'
import { spawnFfmpeg } from '../../../handler/render/media/ffmpeg.ts'
import type { RenderCall, RenderReport, RenderTask } from '../../../handler/render/render-task.ts'
import { ModelError } from '../../../models/inference/errors.ts'
import type { InitOptions } from '../../../runtime/engine/ipc-messages.ts'
import { runChildLoop, type WarmRenderer } from '../../../runtime/engine/child-loop.ts'

/** What a pretended render does; the name is the task's `video`. */
export type Act =
  | 'succeed'
  | 'wait' // until it is canceled
  | 'ignore' // never ends, not even when canceled
  | 'block' // the main thread does not come back
  | 'die'
  | 'no-face'
  | 'no-memory'
  | 'broken-graph'
  | 'bug'
  | 'stopped' // by a signal to its ffmpeg, each time
  | 'stopped-once'
  | 'ffmpeg' // as 'ignore', with an ffmpeg that no closed pipe ends

/** How a pretended engine starts; the name is the setup's `bundle`. */
export type Start = 'well' | 'damaged' | 'dying' | 'never'

/** A render process without models: real processes, real signals, pretended work. */
async function open({ bundle, ffmpegPath }: InitOptions): Promise<WarmRenderer> {
  if (bundle === 'damaged') throw new ModelError('bundle', '/secret/face.onnx is damaged')
  if (bundle === 'dying') process.abort()
  if (bundle === 'never') await new Promise(() => {})
  return {
    device: 'cpu',
    bundle: { name: 'pretended', version: '0', id: '0' },
    render: (task, call) => act(task, call, ffmpegPath),
    estimate: async (task, call) => {
      const { width, height, fps, frames, duration_sec, bundle } = await act(
        task,
        { ...call, onProgress() {} },
        ffmpegPath,
      )
      return { width, height, fps, frames, duration_sec, bundle, faces: [] }
    },
  }
}

let stops = 0

const endFfmpeg = async (): Promise<never> => {
  throw toSystemError({ code: 255, signal: null, stderr: '', freeMemory: Infinity }, 'encoding')!
}

async function act(task: RenderTask, call: RenderCall, ffmpeg = 'ffmpeg'): Promise<RenderReport> {
  const { signal, log, onProgress } = call
  const { stage } = createStageTimer(signal)
  log.info('acting', { pid: process.pid, visible: process.env['CUDA_VISIBLE_DEVICES'] })
  const forEver = new Promise<never>(() => {})
  switch (task.video as Act) {
    case 'succeed':
      onProgress(1, 2)
      onProgress(2, 2)
      return REPORT
    case 'wait':
      await sleep(60_000, undefined, { signal })
      return REPORT
    case 'ignore':
      return forEver
    case 'block':
      for (;;);
    case 'die':
      return process.abort()
    case 'stopped':
      return stage('encode', endFfmpeg)
    case 'stopped-once':
      return stops++ === 0 ? stage('encode', endFfmpeg) : REPORT
    case 'no-face':
      call.onStage?.('avatar', 1.5)
      throw new InputError('NO_FACE', 'no face in the video', { stage: 'avatar' })
    case 'broken-graph':
      return stage('generate', async () =>
        Promise.reject(new ModelError('device', 'no such kernel')),
      )
    case 'bug':
      return stage('composite', async () => Promise.reject(new TypeError('x is undefined')))
    case 'no-memory':
      throw new WorkerError('OUT_OF_MEMORY', 'out of memory')
    case 'ffmpeg': {
      const endless = ['-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc', '-f', 'null', '-']
      await spawnFfmpeg(ffmpeg, endless, new AbortController().signal)
      log.info('rendering')
      return forEver
    }
  }
}

const REPORT: RenderReport = {
  ...{ width: 2, height: 2, fps: 25, frames: 2, duration_sec: 0.08, frames_without_face: 0 },
  bundle: { name: 'pretended', version: '0', id: '0' },
  encoder: 'none',
  peak_memory_mb: 0,
  stage_times: { probe: 0, speech: 0, avatar: 0, generate: 0, composite: 0, encode: 0 },
}

if (process.send) runChildLoop(open)
