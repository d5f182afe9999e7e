import { WorkerError } from '../../errors.ts'
import type { Ffmpeg } from '../media/ffmpeg.ts'
import type { AudioInfo } from '../media/media-info.ts'
import { SAMPLE_RATE } from './feature-windows.ts'

export interface AudioInput {
  file: string
  facts: AudioInfo
}

/** A recording and how it becomes 16 kHz mono. */
export interface ResampledAudio {
  file: string
  /** Which stream of it. */
  stream: number
  /** How long its file says that it is. */
  statedS: number | undefined
  /** Only a part of it counts. */
  isPart: boolean
  /** What the filters leave; two are mixed to one afterwards. */
  channels: 1 | 2
  /** ffmpeg's filter chain for it. */
  filter: string
  /** How many samples it then has, where that must not be one less. */
  samples?: number
}

/** Any layout, weighted as players do: to both ears, which are then mixed. */
export function playerDownmixFilter({ file, facts }: AudioInput, { soxr }: Ffmpeg): ResampledAudio {
  // Without rematrix_maxval a downmix to float is not normalized: stereo would be 3 dB too loud.
  const channels = facts.channels === 1 ? 1 : 2
  const layout = channels === 1 ? 'mono' : 'stereo'
  const resampler = `aresample=${SAMPLE_RATE}:out_chlayout=${layout}:rematrix_maxval=1`
  const quality = soxr ? 'resampler=soxr' : 'filter_size=128'
  const { stream, statedS } = facts
  const filter = `${facts.clock},${resampler}:${quality}`
  return { file, stream, statedS, isPart: facts.cut !== undefined, channels, filter }
}

/**
 * Sample for sample what MuseTalk hears: the plain mean of all channels, soxr's high quality, and a
 * length that is rounded up.
 *
 * @throws WorkerError FFMPEG_MISSING where this ffmpeg has no soxr and the recording needs it
 * @see librosa 0.11 core/audio.py, load and resample
 */
export function librosaFilter({ file, facts }: AudioInput, { soxr }: Ffmpeg): ResampledAudio {
  const { channels = 1, sampleRate, samples, stream, cut } = facts
  if (!soxr && sampleRate !== SAMPLE_RATE) {
    const message = `compat "reference" needs an ffmpeg with soxr, or sound of ${SAMPLE_RATE} Hz`
    throw new WorkerError('FFMPEG_MISSING', message)
  }
  const gain = 1 / channels
  const mean = Array.from({ length: channels }, (_, i) => `${gain}*c${i}`).join('+')
  const filters = [
    ...(cut ? [cut] : []),
    'aformat=sample_fmts=flt',
    ...(channels > 1 ? [`pan=mono|c0=${mean}`] : []),
    ...(sampleRate === SAMPLE_RATE ? [] : [`aresample=${SAMPLE_RATE}:resampler=soxr`]),
  ]
  return {
    file,
    stream,
    statedS: facts.statedS,
    isPart: cut !== undefined,
    channels: 1,
    filter: filters.join(','),
    ...(samples && sampleRate && { samples: Math.ceil(samples * (SAMPLE_RATE / sampleRate)) }),
  }
}
