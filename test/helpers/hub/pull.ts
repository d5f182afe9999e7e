import { readdir } from 'node:fs/promises'
import type { TestContext } from 'vitest'
import { createGuardedFetch } from '../../../handler/net/guarded-fetch.ts'
import { pullBundle, type PulledBundle } from '../../../runtime/bundle-pull/pull-bundle.ts'
import type { PullOptions } from '../../../runtime/bundle-pull/pull-options.ts'
import type { PullEvent } from '../../../runtime/bundle-pull/pull-events.ts'
import { shortTimeouts } from '../short-timeouts.ts'
import { folder, type Folder } from '../media/media.ts'
import { startFakeHub, type FakeHub } from './fake-hub.ts'
import { hubFiles, smallRecipe } from './small-recipe.ts'

/** A folder and a hub of its own for one test, which go with it. */
export async function hubOf({
  onTestFinished,
}: Pick<TestContext, 'onTestFinished'>): Promise<{ place: Folder; hub: FakeHub }> {
  const place = await folder()
  const hub = await startFakeHub(hubFiles())
  onTestFinished(async () => {
    await hub[Symbol.asyncDispose]()
    await place[Symbol.asyncDispose]()
  })
  return { place, hub }
}

/** Options of a pull into a folder of the test, from a hub on loopback. */
export function pullOptions(
  place: Folder,
  endpoint: string,
  changes: Partial<PullOptions> = {},
): PullOptions & { events: PullEvent[] } {
  const timeouts = shortTimeouts({ headersMs: 1_000 })
  const events: PullEvent[] = []
  return {
    ...{
      name: 'musetalk-v1.5',
      directory: place.file('bundles/musetalk-v1.5'),
      endpoint,
      timeouts,
    },
    ...{ recipe: smallRecipe(), variant: { precision: 'fp32', cuda: false }, exact: false },
    ...{ places: { trees: [], hubCaches: [] }, offline: false, allowUnknown: false, keep: false },
    fetch: createGuardedFetch({ isBlocked: () => false, timeouts }),
    verify: async () => {},
    signal: AbortSignal.timeout(300_000),
    onEvent: (event) => void events.push(event),
    ...changes,
    events,
  }
}

export const pull = (options: PullOptions): Promise<PulledBundle> => pullBundle(options)

/** Every file below a folder, by its path from there. */
export async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => `${parentPath}/${name}`.slice(folder.length + 1))
    .toSorted()
}
