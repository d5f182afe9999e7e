import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { JobError } from '../../errors.ts'
import { allOrAbort } from '../../system/all-or-abort.ts'
import { extensionOf } from '../encode/output-formats.ts'
import type { FrameSpan } from '../frames/frame-schedule.ts'
import { unstableDecodeError } from '../frames/play-source.ts'
import { outsideFades } from '../frames/soften-cuts.ts'
import type { Render, RenderCall, RenderReport, RenderTask } from '../render-task.ts'
import { drawWithOthers } from './draw-with-others.ts'
import { combineReports, fitsBefore, sumStages } from './combine-parts.ts'
import { cutEvenly, type DrawStep } from './split-step.ts'

export interface SplitOptions {
  /** How long a part is, about, where the job does not say, seconds; not split where unset. */
  seconds?: number | undefined
  /** Renders that there is room for at once. */
  room(): number
  /** How many of them do nothing now. */
  idle(): number
}

/** A part is tried so often here before the whole job fails with it. */
const TRIES = 2

/**
 * A render that draws the parts of one long result side by side and joins them. Where only one render
 * could work on it nothing would be gained; then, and where the result is short, it is the plain render.
 */
export function splitRender(render: Render, options: SplitOptions): Render {
  return async (task, call) => {
    const longest = task.splitSeconds ?? options.seconds
    const alone = options.room() < 2 && !call.elsewhere
    if (task.split || longest === undefined || task.options.fragmented || alone) {
      return render(task, call)
    }
    const measured = await render(
      { ...task, split: { do: 'measure' } },
      { ...call, onProgress() {} },
    )
    const even = cutEvenly(measured.frames, longest * measured.fps)
    const { sourceFrames } = measured.split!
    const windows = task.options.softCut ? outsideFades(even, sourceFrames!, measured.fps) : even
    if (windows.length < 2) return render(task, call)
    call.log.info('split', { parts: windows.length, frames: measured.frames })
    const folder = join(task.dir, 'parts')
    await mkdir(folder, { recursive: true })
    try {
      return await renderParts(task, call, render, measured, windows, options, folder)
    } finally {
      await remove(folder)
    }
  }
}

/** An ffmpeg that was killed may write a moment longer; what is left goes with the folder of the job. */
const remove = (folder: string) =>
  rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})

async function renderParts(
  task: RenderTask,
  call: RenderCall,
  render: Render,
  measured: RenderReport,
  windows: readonly FrameSpan[],
  { room, idle }: SplitOptions,
  folder: string,
): Promise<RenderReport> {
  const { log, onStage } = call
  const total = measured.frames
  const sourceFrames = measured.split!.sourceFrames!
  const files = windows.map((_, i) => join(folder, `${i}.${extensionOf(task.options)}`))
  const done = windows.map(() => 0)

  function tell(i: number, frames: number): void {
    done[i] = Math.max(done[i]!, frames) // of a part that is drawn again, what is new
    call.onProgress(
      done.reduce((sum, each) => sum + each, 0),
      total,
    )
  }

  const steps = windows.map((window): DrawStep => ({ do: 'draw', ...window, total, sourceFrames }))

  async function draw(i: number, signal: AbortSignal, fromStart = false): Promise<RenderReport> {
    const step: DrawStep = { ...steps[i]!, ...(fromStart && { fromStart }) }
    const dir = join(task.dir, `part-${i}`)
    const part = { ...task, output: files[i]!, dir, split: step }
    for (let tries = 1; ; tries++) {
      try {
        return await render(part, { signal, log, onStage, onProgress: (frames) => tell(i, frames) })
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof JobError)) throw error
        if (error.code === 'MEDIA_UNREADABLE' && !fromStart) return draw(i, signal, true)
        if (!error.retryable || tries === TRIES) throw error
        log.warn('part.again', { part: i, reason: error.message })
      } finally {
        await remove(dir)
      }
    }
  }

  async function drawHere(): Promise<RenderReport[]> {
    const waiting = windows.keys()
    const reports: RenderReport[] = []
    const drawWhatWaits = async (signal: AbortSignal) => {
      for (const i of waiting) reports[i] = await draw(i, signal)
    }
    await allOrAbort(call.signal, Array(room()).fill(drawWhatWaits))
    return reports
  }

  const { elsewhere } = call
  const offer = (i: number) => elsewhere!.offer(steps[i]!, i, files[i]!)
  const sharing = { parts: windows.length, offer, draw, tell, idle }
  const reports = elsewhere ? await drawWithOthers(sharing, call.signal) : await drawHere()
  for (const i of reports.keys()) {
    const isOurs = reports[i]!.bundle.id === measured.bundle.id
    if (isOurs && (i === 0 || fitsBefore(reports, i))) continue
    log.warn('part.misfit', { part: i })
    reports[i] = await draw(i, call.signal, true)
    if (i > 0 && !fitsBefore(reports, i)) throw unstableDecodeError()
  }
  const whole = combineReports(task, reports)
  const split = { do: 'join', total, parts: files } as const
  const { signal } = call
  const joined = await render({ ...task, split }, { signal, log, onStage, onProgress() {} })
  return { ...joined, ...whole, stage_times: sumStages([measured, ...reports, joined]) }
}
