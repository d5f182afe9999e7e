import { goldenRuns } from '../../models/inference/self-test.ts'
import { openVerified, type Bundle } from '../../models/inference/bundle.ts'
import { ModelError } from '../../models/inference/errors.ts'
import { filesOf, shortcomingOf } from '../../models/inference/manifest.ts'
import { hasCuda, type Device } from '../../models/inference/session.ts'
import { findMissingBundle, type MissingBundle } from '../bundle-pull/missing-bundle.ts'
import type { PullConfig } from '../bundle-pull/pull-from-config.ts'
import { bundleDirectory } from '../config/bundle-directory.ts'
import type { Config } from '../config/config.ts'
import { hasDriver } from '../config/visible-gpus.ts'
import { MODEL_ERROR_HINTS } from '../../handler/errors.ts'
import { fail, ok, warn, type CheckResult } from './check-result.ts'

type ModelConfig = PullConfig & Pick<Config, 'BUNDLE_PULL' | 'MODEL_BUNDLE'>

/** A bundle that a CPU renders slower than anybody would wait for. */
const LARGE_BYTES = 100e6

const PULL_AGAIN =
  'make it of all files: musetalk-worker bundle pull musetalk-v1.5, with s3fd and dwpose in --from'

/** The bundle, by its golden numbers, and what it runs on. */
export async function* checkModels(config: ModelConfig): AsyncGenerator<CheckResult> {
  const missing = await findMissingBundle(config)
  if (missing) return yield judgeMissing(missing, config.BUNDLE_PULL)
  const directory = bundleDirectory(config)
  const distrusted: string[] = []
  let refused = '' // by the device that DEVICE names
  const open = (device: Device) => {
    const onWarning = (event: string, fields: Record<string, unknown>) => {
      if (event === 'bundle.distrusted') distrusted.push(String(fields['reason']))
    }
    const options = { device, threads: 1, lanes: 1, cache: config.CACHE_DIR, onWarning }
    return openVerified(directory, { ...options, recheck: 'numbers' })
  }
  try {
    const began = performance.now()
    await using bundle = await open(config.DEVICE).catch((error: unknown) => {
      // What the device did is told below; the bundle is then looked at without it.
      if (!(error instanceof ModelError) || error.kind !== 'device') throw error
      refused = error.message
      return open('cpu')
    })
    yield bundleFinding(bundle, (performance.now() - began) / 1000, distrusted)
    const missing = shortcomingOf(bundle.manifest)
    if (missing !== undefined) yield warn('detector', `the bundle has ${missing}`, PULL_AGAIN)
    yield judgeDevice(config.DEVICE, placeOf(bundle, refused), {
      ...{ provider: hasCuda(), driver: hasDriver() },
      large: bytesOf(bundle) > LARGE_BYTES,
    })
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    yield fail('bundle', error.message.replace(/\s*\n\s*/g, ' '), MODEL_ERROR_HINTS[error.kind])
  }
}

/** @param pulled whether the worker fetches it when it starts */
export function judgeMissing(
  { name, description, fetchBytes, bundleBytes, freeBytes }: MissingBundle,
  pulled: boolean,
): CheckResult {
  if (freeBytes < fetchBytes + bundleBytes) {
    return fail('bundle', description, 'make room, or set BUNDLES_DIR to a folder that has it')
  }
  if (pulled) return ok('bundle', `${description}; the worker fetches it when it starts`)
  const command = `musetalk-worker bundle pull ${name}`
  return fail('bundle', description, `${command}, or set BUNDLE_PULL=true`)
}

function bundleFinding(bundle: Bundle, seconds: number, distrusted: string[]): CheckResult {
  const { name, version, precision, selfTest } = bundle.manifest
  const runs = goldenRuns(bundle.manifest)
  const what = `${name} ${version} (${bundle.id}), ${precision}, ${mb(bytesOf(bundle))}`
  const golden =
    runs > 0
      ? `golden numbers of ${runs} runs hold`
      : `without golden numbers${selfTest.length > 0 ? `, ${selfTest.length} runs give plausible results` : ''}`
  const found = `${what}: whole, ${golden} (${seconds.toFixed(1)} s)`
  if (distrusted.length === 0) return ok('bundle', found)
  const why = `${found}; but at first: ${distrusted.join('; ')}`
  return warn(
    'bundle',
    why,
    'nothing: what was damaged is made again; if it returns, look at the disk',
  )
}

/** Where `generate`, which is most of the work, was loaded, and what was tried before. */
function placeOf({ graphs }: Bundle, refused: string): GraphPlace {
  const { device = 'cpu', notes = [], from } = graphs.generate ?? {}
  const tried = refused || notes.filter((note) => note.startsWith('cuda')).join('; ')
  return { device, tried, fused: from === 'variant' }
}

interface GraphPlace {
  device: 'cuda' | 'cpu'
  tried: string
  /** The graph is the bundle's own for CUDA. */
  fused?: boolean
}

const bytesOf = ({ manifest }: Bundle) =>
  filesOf(manifest).reduce((sum, { bytes }) => sum + bytes, 0)

interface Machine {
  /** ONNX Runtime's CUDA provider is installed. */
  provider: boolean
  driver: boolean
  /** The bundle is too large for a CPU. */
  large: boolean
}

/** @param place what the models run on, and what was tried before */
export function judgeDevice(
  wanted: Device,
  { device, tried, fused = true }: GraphPlace,
  { provider, driver, large }: Machine,
): CheckResult {
  const why = tried && `: ${tried.slice(0, 300)}`
  if (device === 'cuda' && large && !fused) {
    const action = 'musetalk-worker bundle pull musetalk-v1.5 --precision fp16 --cuda'
    return warn('device', 'CUDA, but the bundle has no graph that is made for it', action)
  }
  if (device === 'cuda') return ok('device', 'CUDA')
  const missing = !provider
    ? 'the CUDA provider is not installed: take the CUDA image'
    : !driver
      ? 'no driver is seen: docker run --gpus all, and nvidia-smi on the host'
      : 'check driver and libraries: nvidia-smi must work, and the driver be new enough for CUDA'
  if (wanted === 'cuda') return fail('device', `CUDA does not work${why}`, missing)
  if (wanted === 'auto' && driver) {
    return warn('device', `there is a GPU, but the CPU renders${why}`, missing)
  }
  if (large) {
    const todo = wanted === 'cpu' ? 'unset DEVICE on a machine with a GPU' : missing
    return warn('device', 'CPU: this bundle takes minutes for a second of video on it', todo)
  }
  return ok('device', wanted === 'cpu' ? 'CPU, as DEVICE says' : 'CPU: there is no GPU')
}

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
