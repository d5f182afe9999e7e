import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { PullError } from '../../../runtime/bundle-pull/pull-error.ts'
import { startFakeHub } from '../../helpers/hub/fake-hub.ts'
import { pull, pullOptions, tree } from '../../helpers/hub/pull.ts'
import { hubFiles, smallRecipe } from '../../helpers/hub/small-recipe.ts'
import { folder } from '../../helpers/media/media.ts'

const run = promisify(execFile)

/** A disk of 4 MB at a folder; undefined where this process may not mount one. */
async function smallDisk(path: string): Promise<AsyncDisposable | undefined> {
  await mkdir(path)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path])
  } catch {
    return undefined
  }
  return { [Symbol.asyncDispose]: async () => void (await run('umount', ['--lazy', path])) }
}

test.for(['fetch', 'fill'])(
  'a disk that is full in mid-%s is told in one line; with room it goes on',
  async (phase, { skip }) => {
    await using place = await folder()
    await using hub = await startFakeHub(hubFiles())
    await using disk = await smallDisk(place.file('bundles'))
    if (!disk) return skip('needs the right to mount a small disk')
    // The plan is made while there is room; then somebody else fills the disk.
    const ballast = place.file('bundles/ballast')
    const fillUp = () =>
      writeFile(ballast, Buffer.alloc(4 << 20)).catch((error: NodeJS.ErrnoException) =>
        expect(error.code).toBe('ENOSPC'),
      )
    const recipe = smallRecipe()
    if (phase === 'fill') recipe.halfway = fillUp
    const { promise, resolve } = Promise.withResolvers<void>()
    if (phase === 'fetch') hub.gate = promise
    const pulling = pull(pullOptions(place, hub.endpoint, { recipe })).then(
      () => undefined,
      (error: PullError) => error,
    )
    if (phase === 'fetch') {
      await expect.poll(() => hub.cdn.length).toBe(3)
      await fillUp()
      resolve()
    }
    const error = await pulling
    expect(error).toMatchObject({ code: 'DISK_FULL', fault: 'worker', retryable: true })
    expect(error!.message).toMatch(/^the disk of .*bundles is full .* make room and try again/)
    expect(await tree(place.file('bundles'))).not.toContain('musetalk-v1.5/manifest.json')
    await rm(ballast)
    recipe.halfway = async () => {}
    await pull(pullOptions(place, hub.endpoint, { recipe }))
    expect(await tree(place.file('bundles'))).toEqual([
      'musetalk-v1.5/generate.onnx',
      'musetalk-v1.5/manifest.json',
    ])
  },
)
