import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { JobContext } from '../../../handler/job-context.ts'
import { CanceledError, InputError } from '../../../handler/errors.ts'
import { parseJob } from '../../../handler/job/parse-job.ts'
import { silentLog } from '../../../handler/log.ts'
import type { PartState } from '../../../handler/part-queue.ts'
import { dropUnwantedPart, elsewhereOf } from '../../../handler/share-parts.ts'

const STEP = { do: 'draw', from: 50, to: 100, total: 150, sourceFrames: 70 } as const
const RULES = { allowFileInputs: true }
const INPUTS = { video_url: 'https://a.test/v.mp4', audio_url: 'https://a.test/a.wav' }
const signal = new AbortController().signal

/** A queue and a store that say what happens to them; `states` is what the queue answers, in turn. */
function shared(states: (PartState | undefined)[] = [], fetch = async () => {}) {
  const told: string[] = []
  const offered: { id: string; payload: object }[] = []
  const ctx = {
    log: silentLog,
    storage: {
      fetch,
      remove: async (name: string) => void told.push(`remove ${name}`),
    },
    parts: {
      offer: async (id: string, payload: object) => void offered.push({ id, payload }),
      look: async () => states.shift(),
      takeBack: async () => true,
      remove: async (id: string) => void told.push(`take out ${id}`),
    },
  } as unknown as JobContext
  const elsewhere = (payload: object) => {
    const job = parseJob(payload, undefined, RULES)
    return elsewhereOf(job, payload, ctx)
  }
  return { ctx, told, offered, elsewhere }
}

describe('a part that others may draw', () => {
  test('is a valid job for the same pixels, and tells nobody but who joins it', async () => {
    const { offered, elsewhere } = shared()
    const output = { key: 'a/b.webm', format: 'webm', crf: 20, disposition: 'inline' }
    const more = { webhook: 'https://a.test/hook', metadata: { a: 1 }, split: { seconds: 60 } }
    const payload = { id: 'lecture', ...INPUTS, ...more, face: { box: [0, 0, 9, 9] }, output }
    await elsewhere(payload)!.offer(STEP, 1, 'file')
    const [{ id, payload: part }] = offered as [(typeof offered)[0]]
    expect(id).toMatch(/^lecture\.[0-9a-f]{12}\.part-1$/)
    expect(part).toEqual({
      ...{ ...INPUTS, id, face: { box: [0, 0, 9, 9] } },
      output: { format: 'webm', crf: 20, key: `parts/${id}.webm` },
      part: { from: 50, to: 100, total: 150, source_frames: 70 },
    })
    expect(parseJob(part, undefined, RULES).id).toBe(id)
  })
  test.each([
    ['a path', { ...INPUTS, audio_url: 'a.wav' }],
    ['a part itself', { ...INPUTS, part: { from: 0, to: 1, total: 2, source_frames: 2 } }],
  ])('is not made of %s', (_, payload) => {
    expect(shared().elsewhere(payload)).toBeUndefined()
  })
  test('is waited for, and drawn here where it cannot be had', async () => {
    const done = { frames: 50, result: { stage_times: {}, split: {} } } as unknown as PartState
    const jointless = { frames: 50, result: { stage_times: {} } } as unknown as PartState
    const failed = { frames: 3, error: { code: 'NO_FACE', message: 'nobody', retryable: false } }
    const gone = async () => Promise.reject(new InputError('MEDIA_UNREADABLE', 'gone'))
    const cases = [
      [shared([done]), { frames: undefined, split: {} }],
      [shared([failed as PartState]), undefined],
      [shared([undefined]), undefined],
      [shared([jointless]), undefined],
      [shared([done], gone), undefined],
    ] as const
    for (const [{ elsewhere }, wanted] of cases) {
      const part = await elsewhere({ id: 'lecture', ...INPUTS })!.offer(STEP, 0, 'file')
      const report = await part.drawn(signal, () => {})
      if (wanted) expect(report).toMatchObject(wanted)
      else expect(report).toBeUndefined()
    }
  })
  test('is drawn by others also where only the answer to its offer was lost', async () => {
    const done = { frames: 50, result: { stage_times: {}, split: {} } } as unknown as PartState
    const lost = async () => Promise.reject(new Error('Connection is closed.'))
    const answered = shared([{ frames: 0 }, done])
    const unanswered = shared([undefined])
    const away = shared()
    away.ctx.parts!.look = lost
    const reports = [answered, unanswered, away].map(async ({ ctx, elsewhere }) => {
      ctx.parts!.offer = lost
      const part = await elsewhere({ id: 'lecture', ...INPUTS })!.offer(STEP, 0, 'file')
      return part.drawn(signal, () => {})
    })
    expect(await Promise.all(reports)).toEqual([
      expect.objectContaining({ split: {} }),
      undefined,
      undefined,
    ])
  })
  test('that is taken back is drawn at once', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { ctx, elsewhere } = shared()
    ctx.parts!.look = async () => ({ frames: 0 })
    const part = await elsewhere({ id: 'lecture', ...INPUTS })!.offer(STEP, 0, 'file')
    const drawn = part.drawn(signal, () => {})
    await vi.advanceTimersByTimeAsync(1)
    expect(await part.takeBack()).toBe(true)
    expect(await drawn).toBeUndefined() // no time has passed
  })
  test('is left for the next worker where this one stops, and else for nobody', async () => {
    const { told, elsewhere } = shared()
    const part = await elsewhere({ id: 'lecture', ...INPUTS })!.offer(STEP, 0, 'file')
    await part.withdraw(new CanceledError('SHUTDOWN', 'for the test'))
    expect(told).toEqual([])
    await part.withdraw(new CanceledError('CANCELED', 'for the test'))
    expect(told).toEqual([
      expect.stringMatching(/^take out lecture\..*part-0$/),
      expect.stringMatching(/^remove parts\/lecture\..*part-0\.mp4$/),
    ])
  })
  test('is removed from the store by whoever drew it, where nobody wants it any more', async () => {
    const part = { from: 0, to: 1, total: 2, source_frames: 2 }
    const job = parseJob({ id: 'p', ...INPUTS, part, output: { key: 'parts/p.mp4' } }, '', RULES)
    const wanted = shared([{ frames: 1 }])
    await dropUnwantedPart(job, wanted.ctx)
    expect(wanted.told).toEqual([])
    const unwanted = shared([undefined])
    await dropUnwantedPart(job, unwanted.ctx)
    expect(unwanted.told).toEqual(['remove parts/p.mp4'])
  })
})
