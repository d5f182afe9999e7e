import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CanceledError, type JobError } from '../../../handler/errors.ts'
import { findFfmpeg } from '../../../handler/render/media/find-ffmpeg.ts'
import type { Ffmpeg } from '../../../handler/render/media/ffmpeg.ts'
import type { Render } from '../../../handler/render/render-task.ts'
import { createRenderer } from '../../../handler/render/render.ts'
import { ModelError } from '../../../models/inference/errors.ts'
import { makeSound, makeVideo } from '../../helpers/media/media.ts'
import { fakeModels } from '../../helpers/models/fake-models.ts'
import { scenario, type Given } from '../../helpers/jobs/scenario.ts'
import { shortlist, variant } from '../../helpers/shortlist.ts'

const at = await scenario()
const face = await makeVideo(at.ffmpeg, at.media.file('face.mp4'), { frames: 40 })
const audio = await makeSound(at.ffmpeg, at.media.file('two.wav'), 2)

/**
 * This machine's ffmpeg behind a script that notes the number of each process. Where `hangs` is
 * among its arguments it does nothing, for ever.
 */
async function watched(hangs = 'nothing at all') {
  const notes = at.media.file(`pids-${Math.random()}`)
  const write = async (name: string, real: string) => {
    const file = at.media.file(name)
    const script = `#!/bin/sh
      echo $$ >> ${notes}
      case "$*" in *"${hangs}"*) echo $$ >> ${notes}.hung; exec sleep 600;; esac
      exec ${real} "$@"`
    await writeFile(file, script, { mode: 0o755 })
    return file
  }
  const ffmpeg: Ffmpeg = { ...at.ffmpeg, path: await write('ffmpeg', at.ffmpeg.path) }
  if (at.ffmpeg.probe) ffmpeg.probe = await write('ffprobe', at.ffmpeg.probe)
  return {
    ffmpeg,
    /** Processes that were started, and those of them that are still there. */
    async pids() {
      const all = (await readFile(notes, 'utf8')).trim().split('\n').map(Number)
      return { all, alive: all.filter(isAlive) }
    },
    async hung() {
      while (!existsSync(`${notes}.hung`)) await sleep(5)
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('a job that is canceled ends soon, with nothing left of it', () => {
  const reason = new CanceledError('CANCELED', 'somebody changed their mind')

  /** The reason with the stage that it ended; it may end other jobs in other stages. */
  function expectReason(error: JobError) {
    expect(error).toBeInstanceOf(CanceledError)
    expect(error.toJSON()).toEqual({ ...reason.toJSON(), stage: expect.any(String) as string })
    expect(reason.stage).toBeUndefined()
  }

  async function canceled(run: (abort: () => void, ffmpeg: Ffmpeg) => Given) {
    const controller = new AbortController()
    const abort = () => controller.abort(reason)
    const tool = await watched()
    const given = run(abort, tool.ffmpeg)
    const call = { signal: controller.signal }
    const { error } = await at.fail({ video: face, audio }, { ffmpeg: tool.ffmpeg, call, ...given })
    expectReason(error)
    expect((await tool.pids()).alive).toEqual([])
  }

  test.each(shortlist(2, ['listen', 'generate', 'face', 'encode'] as const))(
    'while %s runs',
    (graph) =>
      canceled((abort) => {
        let runs = 0
        const before = (name: string) => {
          if (name === graph && (graph === 'listen' || ++runs === 3)) abort()
        }
        return { models: fakeModels({ before }) }
      }),
  )
  variant('while a model waits', () =>
    canceled((abort) => {
      const before = async (name: string) => {
        if (name !== 'generate') return
        abort()
        await sleep(50)
      }
      return { models: fakeModels({ before }) }
    }),
  )
  test('while frames are encoded', () =>
    canceled((abort, ffmpeg) => {
      const inner = createRenderer(fakeModels(), ffmpeg)
      const render: Render = (task, call) =>
        inner(task, { ...call, onProgress: (done) => (done === 20 ? abort() : undefined) })
      return { deps: { render } }
    }))
  test.each(['show_streams', 'f32le', 'rawvideo', 'libx264'])(
    'while an ffmpeg that does not answer is at work (%s)',
    async (argument) => {
      if (argument === 'show_streams' && !at.ffmpeg.probe) return
      const tool = await watched(argument)
      const controller = new AbortController()
      const call = { signal: controller.signal }
      const failing = at.fail({ video: face, audio }, { ffmpeg: tool.ffmpeg, call })
      await tool.hung()
      controller.abort(reason)
      expectReason((await failing).error)
      const { all, alive } = await tool.pids()
      expect(all.length).toBeGreaterThan(0)
      expect(alive).toEqual([])
    },
  )
  test('before it has begun', async () => {
    const call = { signal: AbortSignal.abort(reason) }
    const { error, models } = await at.fail({ video: face, audio }, { call })
    expectReason(error)
    expect(models.runs.listen).toBe(0)
  })
})

test('a job that runs past its time ends with DEADLINE', async () => {
  const tool = await watched('libx264')
  const call = { signal: AbortSignal.timeout(1500) }
  const { error } = await at.fail({ video: face, audio }, { ffmpeg: tool.ffmpeg, call })
  expect(error).toMatchObject({ code: 'DEADLINE', retryable: true })
  expect((await tool.pids()).alive).toEqual([])
})

describe('a machine that lacks something says what', () => {
  test('no ffmpeg where it was', async () => {
    const ffmpeg = { ...at.ffmpeg, path: at.media.file('nowhere/ffmpeg') }
    const { error } = await at.fail({ video: face, audio }, { ffmpeg })
    expect(error).toMatchObject({ code: 'FFMPEG_MISSING', retryable: true, stage: 'speech' })
    expect(error.message).not.toContain(at.media.path)
  })
  test('no ffmpeg at start', async () => {
    const found = findFfmpeg(at.media.file('nowhere/ffmpeg'), AbortSignal.timeout(300_000))
    await expect(found).rejects.toMatchObject({ code: 'FFMPEG_MISSING' })
    await expect(found).rejects.toThrow('FFMPEG_PATH')
  })
  test('an encoder that the kernel kills can be tried again elsewhere', async () => {
    const path = at.media.file('killed')
    const script = `#!/bin/sh
      case "$*" in *libx264*) head -c 200000 > /dev/null; kill -9 $$;; esac
      exec ${at.ffmpeg.path} "$@"`
    await writeFile(path, script, { mode: 0o755 })
    const { error } = await at.fail({ video: face, audio }, { ffmpeg: { ...at.ffmpeg, path } })
    expect(error).toMatchObject({ code: 'OUT_OF_MEMORY', retryable: true, stage: 'encode' })
  })
  test('a scratch folder that cannot be made', async () => {
    const scratch = `${face}/scratch`
    const { error } = await at.fail({ video: face, audio }, { deps: { scratch } })
    expect(error).toMatchObject({ code: 'DISK_FULL', retryable: true })
  })
  test.each(
    shortlist(1, [
      ['memory', 'OUT_OF_MEMORY'],
      ['device', 'MODEL_BROKEN'],
      ['bundle', 'MODEL_BROKEN'],
    ] as const),
  )('a model that fails for its %s', async (kind, code) => {
    const before = (graph: string) => {
      if (graph === 'generate') throw new ModelError(kind, 'it broke')
    }
    const { error } = await at.fail({ video: face, audio }, { models: fakeModels({ before }) })
    expect(error).toMatchObject({ code, stage: 'generate', retryable: true })
  })
})

const canMount = (() => {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' })
    return process.getuid?.() === 0
  } catch {
    return false
  }
})()

describe.skipIf(!canMount)('a full disk (needs the right to mount a small one)', () => {
  const small = () => at.media.file('small')
  beforeAll(async () => {
    await mkdir(small())
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small()])
  })
  afterAll(() => execFileSync('umount', [small()]))

  test('while the result is written', async () => {
    const noise = at.media.file('noise.mp4')
    const filter = 'noise=alls=40:allf=t'
    await makeVideo(at.ffmpeg, noise, { frames: 20, filter })
    const job = { video: noise, audio, output: { crf: 10 } }
    const { error } = await at.fail(job, { deps: { scratch: small() } })
    expect(error).toMatchObject({ code: 'DISK_FULL', retryable: true })
  })
  test('while what was learned of the face is written', async () => {
    const models = fakeModels({ padding: 100_000 })
    const { error } = await at.fail({ video: face, audio }, { models, deps: { scratch: small() } })
    expect(error).toMatchObject({ code: 'DISK_FULL', retryable: true, stage: 'avatar' })
  })
  test('the next good job succeeds', async () => {
    const { result } = await at.render({ video: face }, { deps: { scratch: small() } })
    expect(result.frames).toBe(25)
  })
})

describe('memory', () => {
  test('faces are not made ahead of the encoder by more than a few batches', async () => {
    const models = fakeModels()
    const inner = createRenderer(models, at.ffmpeg)
    let most = 0
    const render: Render = (task, call) =>
      inner(task, {
        ...call,
        onProgress: (done) => void (most = Math.max(most, models.codes.length - done)),
      })
    await at.render({ video: face, audio }, { models, deps: { render } })
    // Of 50: what is told last may be a batch or two behind what the encoder has.
    expect(most).toBeLessThanOrEqual(6 * 4)
  })
  test('frames do not pile up', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const filter = 'scale=640:360'
    const big = await makeVideo(at.ffmpeg, at.media.file('big.mp4'), { frames: 60, filter })
    const face = { boxes: Array(60).fill([186, 40, 454, 240]) }
    const inner = createRenderer(fakeModels(), at.ffmpeg)
    const alive: number[] = []
    const render: Render = (task, call) =>
      inner(task, {
        ...call,
        onProgress(done) {
          if (done % 6 !== 0) return
          collect()
          alive.push(process.memoryUsage().arrayBuffers)
        },
      })
    const long = await makeSound(at.ffmpeg, at.media.file('three.wav'), 2.4)
    await at.render({ video: big, audio: long, length: 'shortest', face }, { deps: { render } })
    const frame = 640 * 360 * 1.5
    // What was freed a moment ago is still counted now and then, so the least of a few figures counts; batches come
    // and go. Kept, the frames between the two would be 24 at least.
    const [early, late] = [alive.slice(0, 4), alive.slice(-4)].map((some) => Math.min(...some))
    expect(alive).toHaveLength(10)
    expect(late! - early!).toBeLessThan(12 * frame)
  })
})
