import { goldenRuns } from '../../../models/inference/self-test.ts'
import { ModelError } from '../../../models/inference/errors.ts'
import {
  filesOf,
  graphsOf,
  filesOfGraph,
  readManifest,
  shortcomingOf,
  type Manifest,
} from '../../../models/inference/manifest.ts'
import type { PullConfig } from '../../bundle-pull/pull-from-config.ts'
import type { Config } from '../../config/config.ts'
import { MODEL_ERROR_HINTS } from '../../../handler/errors.ts'
import { bundleDirectory } from '../../config/bundle-directory.ts'
import { defineCommand, JSON_OPTION } from '../command.ts'
import type { TextOutput } from '../output.ts'

type BundleConfig = PullConfig & Pick<Config, 'CACHE_DIR' | 'DEVICE' | 'MODEL_BUNDLE'>

export const bundleInfoCommand = defineCommand({
  name: 'bundle info',
  summary: 'what a bundle holds: files, sizes, licenses, origins',
  usage: ['bundle info [DIR] [--json]'],
  example: 'bundle info',
  positionals: [0, 1],
  options: { json: JSON_OPTION },
  run: ({ values, positionals: [folder], config, output }) =>
    bundleCommand('info', folder, config(), values.json ?? false, output),
})

export const bundleVerifyCommand = defineCommand({
  name: 'bundle verify',
  summary: 'whether a bundle is whole and computes well',
  usage: ['bundle verify [DIR] [--json]'],
  example: 'bundle verify ./musetalk-v1.5 --json',
  positionals: [0, 1],
  options: { json: JSON_OPTION },
  run: ({ values, positionals: [folder], config, output }) =>
    bundleCommand('verify', folder, config(), values.json ?? false, output),
})

/**
 * `bundle info` tells what a bundle is made of; `bundle verify` hashes all of it, loads it and
 * recomputes its golden numbers.
 *
 * @returns the exit status: 1 for a bundle that is not good
 */
export async function bundleCommand(
  action: 'info' | 'verify',
  folder: string | undefined,
  config: BundleConfig,
  json: boolean,
  output: TextOutput,
): Promise<number> {
  const { findMissingBundle } = await import('../../bundle-pull/missing-bundle.ts')
  const directory = bundleDirectory(config, folder)
  const missing = await findMissingBundle(config, folder)
  if (missing) {
    const problem = `${missing.description}; musetalk-worker bundle pull ${missing.name} makes it`
    if (json) output.out(`${JSON.stringify({ ok: false, ...missing, problem })}\n`)
    else output.err(`fail: ${problem}\n`)
    return 1
  }
  try {
    const facts =
      action === 'info' ? await info(directory) : await verify(directory, config, output)
    output.out(json ? `${JSON.stringify({ ok: true, ...facts })}\n` : formatInfo(facts))
    return 0
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    const problem = `${error.message}; ${MODEL_ERROR_HINTS[error.kind]}`
    if (json) output.out(`${JSON.stringify({ ok: false, directory, problem })}\n`)
    else output.err(`fail: ${problem}\n`)
    return 1
  }
}

interface BundleInfo {
  name: string
  version: string
  id: string
  precision: string
  directory: string
  bytes: number
  files: number
  graphs: { name: string; bytes: number; files: string[]; license: string; origin: string }[]
  /** What it cannot do. */
  shortcoming?: string
  /** What verifying found. */
  verified?: { seconds: number; golden: number; runs: number; devices: string[] }
}

async function info(directory: string): Promise<BundleInfo> {
  const { manifest, id } = await readManifest(directory)
  return bundleInfo(directory, manifest, id)
}

async function verify(
  directory: string,
  config: BundleConfig,
  output: TextOutput,
): Promise<BundleInfo> {
  const { openVerified } = await import('../../../models/inference/bundle.ts')
  const began = performance.now()
  await using bundle = await openVerified(directory, {
    ...{ device: config.DEVICE, threads: 1, lanes: 2, cache: config.CACHE_DIR, recheck: 'all' },
    onWarning: (event, fields) => output.err(`warn: ${event} ${JSON.stringify(fields)}\n`),
  })
  const { manifest, id } = bundle
  return {
    ...bundleInfo(directory, manifest, id),
    verified: {
      seconds: Math.round((performance.now() - began) / 10) / 100,
      golden: goldenRuns(manifest),
      runs: manifest.selfTest.length,
      devices: [...new Set(Object.values(bundle.graphs).map(({ device }) => device))],
    },
  }
}

function bundleInfo(directory: string, manifest: Manifest, id: string): BundleInfo {
  const { name, version, precision } = manifest
  const files = filesOf(manifest)
  const size = (parts: { bytes: number }[]) => parts.reduce((sum, part) => sum + part.bytes, 0)
  const graphs = graphsOf(manifest).map(({ name, entry }) => {
    const parts = [...filesOfGraph(entry), ...(entry.cuda ? filesOfGraph(entry.cuda) : [])]
    const { license, origin } = entry
    return { name, bytes: size(parts), files: parts.map(({ file }) => file), license, origin }
  })
  const shortcoming = shortcomingOf(manifest)
  return {
    ...{ name, version, id, precision, directory },
    ...{ bytes: size(files), files: files.length, graphs },
    ...(shortcoming !== undefined && { shortcoming }),
  }
}

function formatInfo({ graphs, shortcoming, verified, ...bundle }: BundleInfo): string {
  const { name, version, id, precision, directory, bytes, files } = bundle
  const lines = [
    `${name} ${version} (${id}), ${precision}`,
    `${directory}: ${files} files, ${mb(bytes)}`,
    ...graphs.flatMap((graph) => [
      `  ${graph.name.padEnd(14)} ${mb(graph.bytes).padStart(10)}  ${graph.files.join(', ')}`,
      `  ${''.padEnd(26)} ${graph.license}; ${graph.origin}`,
    ]),
    ...(shortcoming === undefined ? [] : [`warn: ${shortcoming}`]),
    ...(verified
      ? [
          `ok: every hash is the manifest's, ${golden(verified)} ` +
            `on ${verified.devices.join(' and ')} (${verified.seconds} s)`,
        ]
      : []),
  ]
  return `${lines.join('\n')}\n`
}

const golden = ({ golden, runs }: { golden: number; runs: number }) => {
  if (golden > 0) return `and the golden numbers of ${golden} runs hold`
  if (runs > 0) return `and ${runs} runs give plausible results (there are no golden numbers)`
  return 'and it loads, without golden numbers,'
}

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
