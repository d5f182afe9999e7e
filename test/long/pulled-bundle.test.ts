import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { startOfficialHub } from '../helpers/hub/official-hub.ts'
import { pullInProcess } from '../helpers/hub/pull-process.ts'
import { folder } from '../helpers/media/media.ts'

/** Folder of random checkpoints of the official sizes, and the exporter's Python; .ci/long has both. */
const { PULL_CHECKPOINTS: checkpoints, PULL_PYTHON: python } = process.env
const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const [MB, GB] = [2 ** 20, 1e9]

describe.skipIf(!checkpoints || !python)('a bundle of the official sizes (.ci/long only)', () => {
  test('is made in little memory, of the bytes that the exporter’s own filler gives', async () => {
    await using place = await folder()
    await using hub = await startOfficialHub(checkpoints!)
    const args = ['--precision', 'fp32', '--cuda']
    const { status, events, peak } = await pullInProcess(hub.endpoint, place.file('bundle'), args)
    expect(events.at(-1)).toMatchObject({ type: 'done', present: false })
    expect(status).toBe(0)
    const lastByte = events.findLast(({ phase }) => phase === 'download')?.at ?? 0
    const seconds = (events.at(-1)!.at - lastByte) / 1000
    const sizes = (await readdir(place.file('bundle'))).map(async (name) => {
      return (await stat(place.file(`bundle/${name}`))).size
    })
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    console.log(
      `pull: ${seconds.toFixed(1)} s after the last byte, ${Math.round(peak / MB)} MB resident, ` +
        `bundle of ${(bytes / GB).toFixed(2)} GB`,
    )
    expect(peak).toBeGreaterThan(0)
    expect(peak).toBeLessThan(600 * MB)

    const options = ['--checkpoints', checkpoints!, '--bundle', place.file('bundle')]
    const templates = ['--templates', path('models/musetalk-v1.5/official')]
    const filler = ['-m', 'musetalk_export.templates.fill', ...options, ...templates]
    const { stdout } = await promisify(execFile)(python!, filler, {
      env: { ...process.env, PYTHONPATH: path('models/export') },
    })
    expect(stdout).toMatch(/^\d+ files are what the templates give$/m)
  }, 1_800_000)
})
