import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Sync } from '@sync.so/sdk'

/** A generation that has ended, in the words of either SDK. */
export interface Made {
  id: string
  status: string
  outputUrl?: string | undefined
  outputDuration?: number | undefined
  error?: string | undefined
}

interface Answers {
  generations: (Made & { isListed: boolean })[]
  /** Status of a generation that is not there, and of one that is not taken. */
  missing: number
  refused: number
}

/**
 * What a worker makes of requests by the Python SDK, one after the other.
 *
 * @param python one that has the package
 */
export async function generateByPython(
  python: string,
  worker: { url: string; key: string },
  requests: readonly Sync.CreateGenerationDto[],
): Promise<Answers> {
  const program = fileURLToPath(new URL('python_sdk.py', import.meta.url))
  const stdio = ['pipe', 'pipe', 'inherit'] as const
  const child = spawn(python, [program, worker.url, worker.key], { stdio: [...stdio] })
  child.stdin.end(JSON.stringify(requests))
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
  return JSON.parse(output) as Answers
}
