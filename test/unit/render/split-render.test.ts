import { access, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { CanceledError, InputError, WorkerError } from '../../../handler/errors.ts'
import { silentLog } from '../../../handler/log.ts'
import type { Render, RenderReport, RenderTask } from '../../../handler/render/render-task.ts'
import { splitRender } from '../../../handler/render/split/split-render.ts'
import {
  cutEvenly,
  lookedAt,
  shownSpan,
  type DrawStep,
  type PartFindings,
} from '../../../handler/render/split/split-step.ts'
import type { FaceChoice } from '../../../handler/render/render-options.ts'

const dir = await mkdtemp(join(tmpdir(), 'split-'))
afterAll(() => rm(dir, { recursive: true }))

const taskOf = (face: FaceChoice = 'largest'): RenderTask => ({
  ...{ video: 'v.mp4', output: join(dir, 'result.mp4'), dir, splitSeconds: 2 },
  voices: [{ audio: 'a.wav', face }],
  options: {
    ...{ length: 'audio', silence: 'model', mask: 'jaw', crf: 17, lossless: false },
    frame: { fit: 'source' },
  },
  limits: { maxVideoS: 60, maxAudioS: 60, maxPixels: 1e6 },
})

interface Pretended {
  frames?: number
  room?: number
  /** What a part that is drawn tells, or throws. */
  part?: (step: DrawStep) => Partial<PartFindings>
  /** Between two frames of a part. */
  between?: (step: DrawStep, done: number) => void
}

const STAGES = { probe: 1, speech: 0, avatar: 0, generate: 0, composite: 0, encode: 0 }

/** A render of 25 frames per second that draws nothing, in parts, and what it was asked for. */
function pretend({ frames = 150, room = 2, part = () => ({}), between }: Pretended = {}) {
  const steps: string[] = []
  const plain: Render = async ({ split, output }, { signal, onProgress }) => {
    const report = (made: Partial<RenderReport>): RenderReport => ({
      ...{ width: 64, height: 64, fps: 25, frames, duration_sec: frames / 25 },
      ...{ frames_without_face: 0, encoder: 'none', peak_memory_mb: 1, stage_times: STAGES },
      bundle: { name: 'none', version: '0', id: 'none' },
      ...made,
    })
    if (split?.do !== 'draw') {
      steps.push(split?.do ?? 'whole')
      if (split?.do === 'join') for (const file of split.parts) await access(file)
      return report(split?.do === 'measure' ? { split: { sourceFrames: frames } } : {})
    }
    const { from, to, total, fromStart } = split
    steps.push(`draw ${from}-${to}${fromStart ? ' from the start' : ''}`)
    const joint = (at: number) => ({ pictures: at, boxes: [[at, 0, at + 100, 100] as const] })
    const whole: PartFindings = {
      faces: [{ withoutFace: 1, firstShown: to - from }],
      first: joint(from),
      ...(to < total && { next: joint(to) }),
    }
    const found = { ...whole, ...part(split) }
    for (let done = 1; done <= to - from; done++) {
      await Promise.resolve()
      signal.throwIfAborted()
      between?.(split, done)
      onProgress(done, to - from)
    }
    await writeFile(output, '')
    return report({ frames: to - from, split: { part: found } })
  }
  const seen: number[] = []
  const render = splitRender(plain, { seconds: undefined, room: () => room, idle: () => room })
  const run = (task = taskOf(), signal = AbortSignal.any([])) =>
    render(task, { signal, log: silentLog, onProgress: (done) => void seen.push(done) })
  return { run, steps, seen }
}

test('short parts are even, and no longer than is asked for', () => {
  expect(cutEvenly(100, 50)).toEqual([
    { from: 0, to: 50 },
    { from: 50, to: 100 },
  ])
  const parts = cutEvenly(101, 50)
  expect(parts.map(({ from, to }) => to - from)).toEqual([34, 33, 34])
  expect(cutEvenly(10, 50)).toEqual([{ from: 0, to: 10 }])
})

test.each([
  [4500, 750],
  [301, 100],
  [1000, 96],
  [97, 96],
])('%i frames in parts of %i are cut between batches', (total, length) => {
  const parts = cutEvenly(total, length)
  expect(parts).toHaveLength(Math.ceil(total / length))
  expect([parts[0]!.from, parts.at(-1)!.to]).toEqual([0, total])
  for (const [i, { from, to }] of parts.entries()) {
    expect(from).toBe(parts[i - 1]?.to ?? 0)
    expect(from % 32).toBe(0)
    expect(to - from).toBeGreaterThan(0)
    expect(to - from).toBeLessThan(length + 32)
  }
})

test('two seconds before a part are looked at, and a little more than one after it', () => {
  expect(lookedAt({ from: 100, to: 200, limit: 1000 }, 25)).toEqual({ first: 50, count: 182 })
  expect(lookedAt({ from: 10, to: 200, limit: 205 }, 25)).toEqual({ first: 0, count: 205 })
  const all = { from: 100, to: 200, limit: 1000, fromStart: true }
  expect(lookedAt(all, 25)).toEqual({ first: 0, count: 232 })
})

test('where faces rest, two seconds before the one that rests in the first frame was taken', () => {
  const span = { to: 700, limit: 701, smoothed: true }
  for (const from of [400, 450, 599]) {
    expect(lookedAt({ ...span, from }, 25)).toEqual({ first: 350, count: 351 })
  }
  expect(lookedAt({ ...span, from: 600 }, 25).first).toBe(550)
  expect(lookedAt({ ...span, from: 199 }, 25).first).toBe(0)
})

describe('what a part shows of the source, with the frame after it', () => {
  const of = (from: number, to: number, sourceFrames: number, total: number): DrawStep => ({
    do: 'draw',
    ...{ from, to, sourceFrames, total },
  })
  test.each([
    ['bounce', of(50, 100, 150, 150), { from: 50, to: 101 }],
    ['bounce', of(100, 150, 150, 150), { from: 100, to: 150 }],
    ['bounce', of(220, 240, 200, 300), { from: 159, to: 180 }],
    ['bounce', of(50, 100, 70, 150), { from: 0, to: 70 }],
    ['loop', of(220, 240, 200, 300), { from: 20, to: 41 }],
    ['remap', of(50, 100, 300, 150), { from: 100, to: 201 }],
  ] as const)('%s', (mode, step, wanted) => expect(shownSpan(step, mode)).toEqual(wanted))
})

describe('a long result', () => {
  test('is drawn in parts, as many at once as there are engines, and joined', async () => {
    const { run, steps, seen } = pretend()
    const report = await run()
    expect(steps).toEqual(['measure', 'draw 0-50', 'draw 50-100', 'draw 100-150', 'join'])
    expect(report).toMatchObject({ frames: 150, frames_without_face: 3 })
    expect(report.stage_times.probe).toBe(5)
    expect(seen).toHaveLength(150)
    expect(seen.at(-1)).toBe(150)
    expect(await readdir(dir)).toEqual([])
  })
  test.each([
    ['short', { frames: 50 }, taskOf(), ['measure', 'whole']],
    ['of one engine', { room: 1 }, taskOf(), ['whole']],
    ['not to be split', {}, { ...taskOf(), splitSeconds: undefined }, ['whole']],
    [
      'watched while it is made',
      {},
      { ...taskOf(), options: { ...taskOf().options, fragmented: true } },
      ['whole'],
    ],
  ])('stays in one piece where it is %s', async (_, given, task, wanted) => {
    const { run, steps } = pretend(given)
    await run(task)
    expect(steps).toEqual(wanted)
  })
})

describe('a part that does not go on where the one before it ends', () => {
  const misfit = (change: Partial<PartFindings['first']>) => {
    const first = { pictures: 50, boxes: [[50, 0, 150, 100] as const], ...change }
    return (step: DrawStep) => (step.from === 50 && !step.fromStart ? { first } : {})
  }
  test.each([
    ['other pictures', { pictures: 7 }],
    ['another face', { boxes: [[200, 0, 300, 100] as const] }],
    ['no face', { boxes: [undefined] }],
  ])('because it saw %s is drawn again from the start', async (_, change) => {
    const { run, steps, seen } = pretend({ part: misfit(change) })
    await run()
    expect(steps.slice(4)).toEqual(['draw 50-100 from the start', 'join'])
    expect(Math.max(...seen)).toBe(150)
  })
  test('by what nobody sees is right', async () => {
    const { run, steps } = pretend({ part: misfit({ boxes: [[52, 1, 153, 102]] }) })
    await run()
    expect(steps.filter((step) => step.includes('start'))).toEqual([])
  })
  test('whatever is done is the fault of the video', async () => {
    const first = { pictures: 7, boxes: [undefined] }
    const { run, steps } = pretend({ part: ({ from }) => (from === 50 ? { first } : {}) })
    await expect(run()).rejects.toMatchObject({ code: 'MEDIA_UNREADABLE' })
    expect(steps).not.toContain('join')
  })
})

describe('when a part fails', () => {
  const failing = (error: Error, times: number) => (step: DrawStep) => {
    if (step.from === 50 && times-- > 0) throw error
    return {}
  }
  test('in a way that a retry can mend, it alone is tried once more', async () => {
    const { run, steps } = pretend({ part: failing(new WorkerError('ENGINE_LOST', 'gone'), 1) })
    await run()
    const drawn = steps.filter((step) => step.startsWith('draw')).toSorted()
    expect(drawn).toEqual(['draw 0-50', 'draw 100-150', 'draw 50-100', 'draw 50-100'])
  })
  test('twice, the job fails with its error, and nothing is left', async () => {
    const { run, steps } = pretend({ part: failing(new WorkerError('ENGINE_LOST', 'gone'), 2) })
    await expect(run()).rejects.toMatchObject({ code: 'ENGINE_LOST' })
    expect(steps).not.toContain('join')
    expect(await readdir(dir)).toEqual([])
  })
  test('for good, it is not tried again', async () => {
    const { run, steps } = pretend({ part: failing(new WorkerError('BUG', 'gone'), 1) })
    await expect(run()).rejects.toMatchObject({ code: 'BUG' })
    expect(steps.filter((step) => step === 'draw 50-100')).toHaveLength(1)
  })
  test('to find its place in the file, it is read from the start', async () => {
    const error = new InputError('MEDIA_UNREADABLE', 'no picture there')
    const { run, steps } = pretend({ part: failing(error, 1) })
    await run()
    expect(steps).toContain('draw 50-100 from the start')
  })
})

test('a cancel reaches all parts', async () => {
  const stop = new AbortController()
  const reason = new CanceledError('CANCELED', 'for the test')
  const { run, steps, seen } = pretend({
    between: (_, done) => void (done === 20 && stop.abort(reason)),
  })
  await expect(run(taskOf(), stop.signal)).rejects.toBe(reason)
  expect(steps).toEqual(['measure', 'draw 0-50', 'draw 50-100'])
  expect(Math.max(...seen)).toBeLessThanOrEqual(40)
})

describe('a face that is in no part', () => {
  const nobody = ({ from, to }: DrawStep) => ({
    faces: [{ withoutFace: to - from, firstShown: to - from }],
    first: { pictures: from, boxes: [undefined] },
    next: { pictures: to, boxes: [undefined] },
  })
  test('is the error of the one piece', async () => {
    const { run } = pretend({ part: nobody })
    const message = 'no face was found in 150 frames (6.0 s) of the video'
    await expect(run()).rejects.toMatchObject({ code: 'NO_FACE', message })
  })
  test('is none where the job names the places of faces', async () => {
    const { run } = pretend({ part: nobody })
    const report = await run(taskOf({ boxes: [[0, 0, 10, 10]] }))
    expect(report.frames_without_face).toBe(150)
  })
})
