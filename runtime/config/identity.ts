import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Config } from './config.ts'

/** Which program this is. */
export interface BuildInfo {
  version: string
  /** Git revision: of the image, or of the checkout. */
  revision: string | null
}

type Names = Pick<
  Config,
  'OCTASPACE_NODE_ID' | 'RUNPOD_POD_ID' | 'SALAD_MACHINE_ID' | 'VAST_CONTAINERLABEL' | 'WORKER_ID'
>

/** What this worker is called, by the platform it finds itself on or by its operator. */
export const configuredWorkerId = (config: Names): string | undefined =>
  config.SALAD_MACHINE_ID ??
  config.VAST_CONTAINERLABEL ??
  config.OCTASPACE_NODE_ID ??
  config.WORKER_ID ??
  config.RUNPOD_POD_ID

export const workerId = (config: Names): string =>
  configuredWorkerId(config) ?? `worker-${randomUUID().slice(0, 8)}`

export async function readBuildInfo(revision: string | undefined): Promise<BuildInfo> {
  // From a checkout this file lies two folders below the package, from a build three.
  const text = (await read('../../package.json')) ?? (await read('../../../package.json')) ?? '{}'
  const { version = 'unknown' } = JSON.parse(text) as { version?: string }
  return { version, revision: revision ?? (await gitRevision()) }
}

async function gitRevision(): Promise<string | null> {
  const head = (await read('../../.git/HEAD'))?.trim()
  const [, branch] = /^ref: (refs\/[\w./-]+)$/.exec(head ?? '') ?? []
  return (branch ? (await read(`../../.git/${branch}`))?.trim() : head) || null
}

const read = (path: string): Promise<string | undefined> =>
  readFile(fileURLToPath(new URL(path, import.meta.url)), 'utf8').catch(() => undefined)
