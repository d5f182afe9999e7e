import { expect, test } from 'vitest'
import { ffmpeg, makeVideo } from '../../../helpers/media/media.ts'
import { scenario } from '../../../helpers/jobs/scenario.ts'
import { shortlist } from '../../../helpers/shortlist.ts'

const at = await scenario()

/** Two seconds of noise at that rate, which no encoder makes small by itself. */
async function noiseAt(kbps: number): Promise<string> {
  const file = at.media.file(`${kbps}.mp4`)
  const encode = [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-b:v',
    `${kbps}k`,
    '-pix_fmt',
    'yuv420p',
  ]
  const filter = 'noise=alls=40:allf=t'
  return makeVideo(at.ffmpeg, file, { frames: 50, filter, encode })
}

async function kbpsOf(file: string): Promise<number> {
  const copy = ['-map', '0:v:0', '-c', 'copy', '-f', 'data', 'pipe:1']
  const { stdout } = await ffmpeg(at.ffmpeg.path, ['-i', file, ...copy])
  return (stdout.length * 8) / 1000 / 2
}

const RATES: readonly [string | number, number, object][] = [
  ['source', 1600, {}],
  [800, 1600, {}],
  ['source', 400, { codec: 'hevc' }],
  ['source', 400, {}],
  ['source', 400, { format: 'webm' }],
]
test.each(shortlist(2, RATES))(
  'bitrate %j of a source of %i kbit/s, %j',
  async (bitrate, kbps, more) => {
    const video = await noiseAt(kbps)
    const output = { bitrate, ...more }
    const { result } = await at.render({ video, length: 'video', output })
    const wanted = bitrate === 'source' ? await kbpsOf(video) : Number(bitrate)
    const made = await kbpsOf(result.output_url)
    // Encoders need more than these two seconds to come nearer.
    expect(made / wanted).toBeGreaterThan(0.7)
    expect(made / wanted).toBeLessThan(1.5)
  },
)

test('a still has no bitrate', async () => {
  const encode = ['-frames:v', '1']
  const video = await makeVideo(at.ffmpeg, at.media.file('a.png'), { frames: 1, encode })
  const { error } = await at.fail({ video, output: { bitrate: 'source' } })
  expect(error).toMatchObject({ code: 'INVALID_JOB', retryable: false })
  expect(error.message).toContain('output.bitrate: "source": a still has none')
})
