import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { sha256File } from '../../models/system/sha256-file.ts'
import { startOfficialHub } from '../helpers/hub/official-hub.ts'
import { folder } from '../helpers/media/media.ts'

const MAIN = fileURLToPath(new URL('../../runtime/main.ts', import.meta.url))
/** Folder of checkpoints in the official layout, and the bundle that the exporter made of them. */
const { PULL_CHECKPOINTS: checkpoints, PULL_BUNDLE: exported } = process.env
const MB = 2 ** 20

/** Largest resident memory of a process so far, bytes; 0 when it is gone. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0)
}

async function pulled(endpoint: string, out: string, args: string[]) {
  const env = { PATH: process.env['PATH'], HOME: out, HF_ENDPOINT: endpoint, DEVICE: 'cpu' }
  const child = spawn(
    process.execPath,
    [MAIN, 'bundle', 'pull', 'musetalk-v1.5', '--json', ...args],
    {
      ...{ env, stdio: ['ignore', 'pipe', 'inherit'] },
    },
  )
  const closed = once(child, 'close')
  const events: { type: string; phase?: string; at: number }[] = []
  let peak = 0
  const watch = setInterval(() => {
    void peakMemory(child.pid!).then((now) => (peak = Math.max(peak, now)))
  }, 20)
  let rest = ''
  for await (const chunk of child.stdout) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop()!
    events.push(...lines.map((line) => ({ ...JSON.parse(line), at: performance.now() })))
  }
  const [status] = await closed
  clearInterval(watch)
  return { status, events, peak }
}

describe.skipIf(!checkpoints || !exported)('a bundle pulled from a hub (.ci/long only)', () => {
  test("has the graphs of the exporter's, to the byte, in little memory and without Python", async () => {
    await using place = await folder()
    await using hub = await startOfficialHub(checkpoints!)
    const cuda = (await readdir(exported!)).includes('generate.cuda.onnx') ? ['--cuda'] : []
    const args = ['--out', place.file('bundle'), '--precision', 'fp32', ...cuda]
    const { status, events, peak } = await pulled(hub.endpoint, place.path, args)
    expect(events.at(-1)).toMatchObject({ type: 'done', present: false })
    expect(status).toBe(0)
    const lastByte = events.findLast(({ phase }) => phase === 'download')?.at ?? 0
    const seconds = (events.at(-1)!.at - lastByte) / 1000
    console.log(`pull: ${seconds.toFixed(1)} s after the last byte, ${Math.round(peak / MB)} MB`)
    expect(peak).toBeGreaterThan(0)
    expect(peak).toBeLessThan(600 * MB)

    const signal = AbortSignal.timeout(600_000)
    const names = (await readdir(exported!)).filter((name) => name !== 'manifest.json')
    const digests = async (folder: string) =>
      Object.fromEntries(
        await Promise.all(
          names.map(async (name) => [name, await sha256File(join(folder, name), signal)]),
        ),
      )
    expect(await digests(place.file('bundle'))).toEqual(await digests(exported!))
    const manifest = async (folder: string) => {
      const { selfTest: _, ...rest } = JSON.parse(
        await readFile(join(folder, 'manifest.json'), 'utf8'),
      ) as Record<string, unknown>
      return rest
    }
    expect(await manifest(place.file('bundle'))).toEqual(await manifest(exported!))
  }, 900_000)
})
