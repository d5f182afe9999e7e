import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startFakeHub, type FakeHub } from '../../helpers/hub/fake-hub.ts'
import { pull, pullOptions, tree } from '../../helpers/hub/pull.ts'
import { CONTENTS, hubFiles, TOTAL_BYTES } from '../../helpers/hub/small-recipe.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'
import { shortlist } from '../../helpers/shortlist.ts'

const CHILD = fileURLToPath(new URL('../../helpers/children/bundle-pull.child.ts', import.meta.url))

let place: Folder
let hub: FakeHub
let children: ChildProcess[]
beforeEach(async () => {
  place = await folder()
  hub = await startFakeHub(hubFiles())
  children = []
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await hub[Symbol.asyncDispose]()
  await place[Symbol.asyncDispose]()
})

/** A pull in a process of its own; `waitIn` is where it waits to be killed. */
function pullElsewhere(waitIn = '') {
  const args = [CHILD, hub.endpoint, place.path, waitIn]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const said: string[] = []
  const waiting: { text: string; go: () => void }[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(line)
    for (const { go } of waiting.filter(({ text }) => text === line)) go()
  })
  const ended = once(child, 'close')
  return {
    said,
    ended,
    says: (text: string) =>
      new Promise<void>((go) => (said.includes(text) ? go() : waiting.push({ text, go }))),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

const BUNDLE = ['musetalk-v1.5/generate.onnx', 'musetalk-v1.5/manifest.json']
const bundles = () => tree(place.file('bundles'))
/** Bytes of every file below a folder. */
async function sizes(folder: string): Promise<Record<string, number>> {
  const names = (await tree(folder)).filter((name) => !name.endsWith('.json'))
  const found = await Promise.all(
    names.map(async (name) => [
      name,
      (await stat(`${folder}/${name}`).catch(() => ({ size: 0 }))).size,
    ]),
  )
  return Object.fromEntries(found)
}

const work = () => place.file('bundles/musetalk-v1.5.download')

/** The next call goes on: puts the bundle in place and leaves nothing else. */
async function goesOn() {
  expect(await bundles(), 'nothing half-made in place').not.toContain(BUNDLE[1])
  expect(await pull(pullOptions(place, hub.endpoint))).toMatchObject({ present: false })
  expect(await bundles()).toEqual(BUNDLE)
  expect(existsSync(work())).toBe(false)
}

describe('a pull that is killed', () => {
  test.each(shortlist(1, [5, 1, 2, 3, 4, 6]))(
    'after %i of 7 parts of the way goes on from there',
    async (part) => {
      hub.pauseMs = 30
      const child = pullElsewhere()
      const files = `${work()}/files`
      const onDisk = async () => Object.values(await sizes(files)).reduce((a, b) => a + b, 0)
      while ((await onDisk()) < (part / 7) * TOTAL_BYTES);
      await child.kill()
      const left = await sizes(files)
      const before = hub.cdn.length
      hub.pauseMs = 0
      await goesOn()
      // A file that is whole is not asked for; of every other one the rest is.
      const asked = hub.cdn.slice(before).map(({ path, headers }) => {
        const name = Object.keys(CONTENTS).find((one) => path.includes(one.split('/').at(-1)!))
        return `${name} from ${/\d+/.exec(headers.range ?? '0')![0]}`
      })
      const wanted = ['net/unet.pth', 'vae/model.bin', 'face.pth'].flatMap((name) => {
        const have = left[`${name}.partial`] ?? left[name] ?? 0
        return have === CONTENTS[name]!.length ? [] : [`${name} from ${have}`]
      })
      expect(asked.toSorted()).toEqual(wanted.toSorted())
    },
  )

  test.each(['fill', 'verify', 'move'])('in its %s has its files', async (moment) => {
    const child = pullElsewhere(moment)
    await child.says(moment)
    await child.kill()
    const before = hub.cdn.length
    await goesOn()
    expect(hub.cdn.length).toBe(before)
  })

  test('right after its last step has the bundle, and is cleaned up after', async () => {
    const child = pullElsewhere('moved')
    await child.says('moved')
    await child.kill()
    expect(await tree(place.file('bundles/musetalk-v1.5'))).toEqual([
      'generate.onnx',
      'manifest.json',
    ])
    expect(await tree(`${work()}/files`)).not.toEqual([])
    const before = hub.hub.length
    expect(await pull(pullOptions(place, hub.endpoint))).toMatchObject({ present: true })
    expect(hub.hub.length).toBe(before)
    expect(await bundles()).toEqual(BUNDLE)
    expect(existsSync(work())).toBe(false)
  })

  test('between moving the old bundle away and the new one into place leaves the old one', async () => {
    await pull(pullOptions(place, hub.endpoint))
    await mkdir(work())
    await rename(place.file('bundles/musetalk-v1.5'), `${work()}/replaced`)
    await cp(`${work()}/replaced`, `${work()}/bundle`, { recursive: true })
    const before = hub.hub.length
    expect(await pull(pullOptions(place, hub.endpoint))).toMatchObject({ present: true })
    expect(hub.hub.length).toBe(before)
    expect(await bundles()).toEqual(BUNDLE)
  })

  test('while it cleans up is cleaned up after', async () => {
    await pull(pullOptions(place, hub.endpoint))
    await mkdir(`${work()}/files/vae`, { recursive: true })
    await writeFile(`${work()}/files/vae/model.bin`, CONTENTS['vae/model.bin']!)
    const child = pullElsewhere()
    await child.ended
    expect(child.said).toEqual(['present'])
    expect(await bundles()).toEqual(BUNDLE)
  })
})

describe('two at once', () => {
  test('one works, the other waits and finds the bundle', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    hub.gate = promise
    const one = pullElsewhere()
    await expect.poll(() => hub.cdn.length).toBe(3)
    const other = pullElsewhere()
    await other.says('waiting')
    resolve()
    await Promise.all([one.ended, other.ended])
    expect([one.said.at(-1), other.said.at(-1)]).toEqual(['made', 'present'])
    expect(hub.sent()).toBe(TOTAL_BYTES - CONTENTS['net/unet.json']!.length)
    expect(await bundles()).toEqual(BUNDLE)
  })

  test('of which one is killed, the other goes on with what it had', async () => {
    const one = pullElsewhere('fill')
    await one.says('fill')
    const other = pullElsewhere()
    await other.says('waiting')
    await one.kill()
    await other.ended
    expect(other.said.at(-1)).toBe('made')
    expect(hub.sent()).toBe(TOTAL_BYTES - CONTENTS['net/unet.json']!.length)
  })
})
