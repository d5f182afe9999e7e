import { readFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Box } from '../../models/pixels/image.ts'
import { LIMITS } from '../helpers/jobs/deps.ts'
import { scenario } from '../helpers/jobs/scenario.ts'
import { ffmpeg, H264, makeSound, makeVideo } from '../helpers/media/media.ts'
import { fakeModels } from '../helpers/models/fake-models.ts'

/**
 * What a job of an hour holds in memory while it runs, in each way of making lengths equal: all that is alive
 * in this process, and the resident size of the ffmpegs that it feeds. Small pictures and few of them a second: what
 * is held by second or by frame would show all the same, 18 000 pictures alone are 220 MB.
 */
const isWanted = process.env['MEMORY_TEST'] === '1'

const HOUR_S = Number(process.env['MEMORY_SECONDS'] ?? 3590) // the longest input that is taken is an hour
const SHORT_S = 60
const FPS = 5
const SAMPLE_RUNS = 16
const SIDE = 64
const FACE: Box = [16, 8, 48, 40]
const MORE_MB = 64 // buffers of the ffmpegs come and go by half of it; all pictures of an hour are 220

const at = await scenario()
const clip = (seconds: number) => at.media.file(`${seconds}.mp4`)
const sound = (seconds: number) => at.media.file(`${seconds}.wav`)
const collect = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

beforeAll(async () => {
  if (!isWanted) return
  const size = {
    width: SIDE,
    height: SIDE,
    fps: String(FPS),
    frames: FPS * 10,
    faces: () => [FACE],
  }
  await makeVideo(at.ffmpeg, clip(10), { ...size, encode: H264 })
  for (const seconds of [SHORT_S, HOUR_S]) {
    const again = ['-stream_loop', '-1', '-i', clip(10), '-t', String(seconds), '-c', 'copy']
    await ffmpeg(at.ffmpeg.path, ['-v', 'error', ...again, clip(seconds)])
    await makeSound(at.ffmpeg, sound(seconds), seconds)
  }
})

/** Resident MB of the programs that this process has started. */
async function childrenMb(): Promise<number> {
  const own = `/proc/${process.pid}/task/${process.pid}/children`
  const pids = (await readFile(own, 'utf8')).trim().split(' ')
  const sizes = pids.map(async (pid) => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024
  })
  return (await Promise.all(sizes)).reduce((sum, mb) => sum + mb, 0)
}

async function heldMb(): Promise<number> {
  const ofChildren = await childrenMb()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20 + ofChildren
}

/** What is held now and then while the mouths of a job are drawn. */
async function heldWhile(job: Record<string, unknown>) {
  const held: number[] = []
  let runs = 0
  const models = fakeModels({
    async before(graph) {
      if (graph !== 'generate' || runs++ % SAMPLE_RUNS !== 0) return
      for (const noted of [models.codes, models.heard, models.loud]) noted.length = 0
      held.push(await heldMb())
    },
  })
  const limits = { ...LIMITS, maxVideoS: 3600, maxAudioS: 3600 }
  const { result } = await at.render({ ...job, fps: FPS }, { models, deps: { limits } })
  return { held, result }
}

const JOBS: [string, number, number, number][] = [
  ['audio', SHORT_S, HOUR_S, HOUR_S],
  ['loop', SHORT_S, HOUR_S, HOUR_S],
  ['longest', SHORT_S, HOUR_S, HOUR_S],
  ['shortest', HOUR_S, HOUR_S, HOUR_S],
  ['remap', HOUR_S, HOUR_S, HOUR_S],
  ['video', HOUR_S, HOUR_S, HOUR_S],
]

describe.skipIf(!isWanted)('a job of an hour holds at its end what it held after a tenth', () => {
  test.each(JOBS)(
    'length %s: a video of %s s, a recording of %s s',
    async (length, videoS, audioS, resultS) => {
      const job = { video: clip(videoS), audio: sound(audioS), length }
      const { held, result } = await heldWhile(job)
      expect(Math.abs(result.duration_sec - resultS)).toBeLessThan(1)
      expect(held.length).toBeGreaterThan(40)
      const tenths = Array.from({ length: 10 }, (_, i) => {
        const at = (tenth: number) => Math.floor((held.length * tenth) / 10)
        return Math.max(...held.slice(at(i), at(i + 1)))
      })
      process.stdout.write(`${length}: ${tenths.map(Math.round).join(' ')} MB\n`)
      expect(Math.max(...tenths.slice(2)) - Math.max(...tenths.slice(0, 2))).toBeLessThan(MORE_MB)
    },
    3_600_000,
  )
})
