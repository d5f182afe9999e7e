import { beforeAll, describe, expect, test } from 'vitest'
import { openBundle } from '../../models/inference/bundle.ts'
import { LITE } from '../../runtime/config/bundle-directory.ts'
import { hasShared, shared } from '../helpers/fixture-paths.ts'
import { scenario } from '../helpers/jobs/scenario.ts'
import { ffmpeg } from '../helpers/media/media.ts'

/**
 * Two people side by side, of real clips: whose lips move is drawn by `lite`, whose sound it is is mixed
 * under them afterwards. The one on the right is the largest.
 */
const isWanted = process.env['SPEAKERS_TEST'] === '1' && hasShared

const SECONDS = 7
const at = await scenario()
const path = (name: string) => at.media.file(`${name}.mp4`)
const run = (...args: string[]) => ffmpeg(at.ffmpeg.path, ['-v', 'error', ...args])
const FACES = {
  left: { clip: 'sun.mp4', speech: 'sun.wav', filter: 'scale=288:384' },
  right: { clip: 'yongen.mp4', speech: 'yongen.wav', filter: 'scale=288:-2,crop=288:384:0:20' },
}
type Side = keyof typeof FACES

beforeAll(async () => {
  if (!isWanted) return
  await using models = await openBundle(LITE, { device: 'cpu', threads: 1, lanes: 1 })
  for (const [side, { clip, speech, filter }] of Object.entries(FACES)) {
    const start = ['-t', String(SECONDS), '-i']
    await run(...start, shared(`media/${clip}`), '-vf', filter, '-crf', '15', path(`${side}-rests`))
    await run(...start, shared(`media/${speech}`), at.media.file(`${side}.wav`))
    const job = { id: side, video: path(`${side}-rests`), audio: at.media.file(`${side}.wav`) }
    const { result } = await at.render(job, { models })
    await run('-i', result.output_url, '-c', 'copy', '-an', path(`${side}-talks`))
  }
})

/** Who is taken where some of them talk, and the sound is of one. */
async function taken(talking: Side[], sound: Side) {
  const [left, right] = (['left', 'right'] as const).map((side) =>
    path(`${side}-${talking.includes(side) ? 'talks' : 'rests'}`),
  )
  const inputs = ['-i', left!, '-i', right!, '-i', at.media.file(`${sound}.wav`)]
  const video = path('both')
  const both = ['-filter_complex', '[0:v][1:v]hstack[v]', '-map', '[v]', '-map', '2:a']
  await run(...inputs, ...both, '-crf', '15', video)
  await using models = await openBundle(LITE, { device: 'cpu', threads: 1, lanes: 1 })
  const job = { video, audio: at.voice, face: 'speaking', speech: { to: 0.2 } }
  const { result } = await at.render(job, { models })
  const { chosen, box } = result.face!
  return { chosen, side: box[0] < 288 ? 'left' : 'right' }
}

describe.skipIf(!isWanted)('of two people (needs the reference material)', () => {
  test.each<[Side[], Side]>([
    [['left', 'right'], 'left'],
    [['left', 'right'], 'right'],
    [['left'], 'left'],
    [['right'], 'right'],
  ])('of whom %j talk, the one on the %s speaks, whose sound it is', async (talking, sound) => {
    expect(await taken(talking, sound)).toEqual({ chosen: 'speaking', side: sound })
  })
  test.each<[Side[], Side]>([
    [['left'], 'right'],
    [['right'], 'left'],
    [[], 'left'],
  ])('of whom %j talk, nobody speaks what is of the %s: the largest', async (talking, sound) => {
    expect(await taken(talking, sound)).toEqual({ chosen: 'largest', side: 'right' })
  })
})
