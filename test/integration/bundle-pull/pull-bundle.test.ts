import { readFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { readManifest } from '../../../models/inference/manifest.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import type { PullError } from '../../../runtime/bundle-pull/pull-error.ts'
import { pullNamed } from '../../../runtime/bundle-pull/pull-named.ts'
import type { PullOptions } from '../../../runtime/bundle-pull/pull-options.ts'
import { startFakeHub, type FakeHub, type Fault } from '../../helpers/hub/fake-hub.ts'
import { hubOf, pull, pullOptions, tree } from '../../helpers/hub/pull.ts'
import {
  CONTENTS,
  hubFiles,
  noise,
  REVISION,
  SLOTS,
  smallRecipe,
  TOTAL_BYTES,
} from '../../helpers/hub/small-recipe.ts'
import type { Folder } from '../../helpers/media/media.ts'
import { shortTimeouts } from '../../helpers/short-timeouts.ts'

let place: Folder
let hub: FakeHub
beforeEach(async (test) => void ({ place, hub } = await hubOf(test)))

const options = (changes: Partial<PullOptions> = {}) => pullOptions(place, hub.endpoint, changes)
const BUNDLE = ['musetalk-v1.5/generate.onnx', 'musetalk-v1.5/manifest.json']
const bundles = () => tree(place.file('bundles'))

/** Fails requests for a file whose name ends so. */
const failing = (
  server: 'hub' | 'cdn',
  name: string,
  fault: (before: number) => Fault | undefined,
) => {
  hub.fault = (request) =>
    request.server === server && request.file.endsWith(name) ? fault(request.before) : undefined
}

async function refused(changes: Partial<PullOptions> = {}): Promise<PullError> {
  const error = await pull(options(changes)).then(
    () => undefined,
    (thrown: PullError) => thrown,
  )
  if (!error?.code) throw error ?? new Error('the pull succeeded')
  expect(await bundles(), 'nothing half-made in place').not.toContain(BUNDLE[1])
  return error
}

/** Put files where a test says they are already. */
async function lay(root: string, files: Record<string, Buffer>) {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), content)
  }
}

describe('a pull', () => {
  test('fetches the best file of each slot at its pinned revision and leaves only the bundle', async () => {
    const recipe = smallRecipe()
    const made = await pull(options({ recipe }))
    expect(made).toMatchObject({ present: false, directory: place.file('bundles/musetalk-v1.5') })
    expect((await readManifest(made.directory)).id).toBe(made.id)
    expect(await bundles()).toEqual(BUNDLE)
    expect(hub.hub.map(({ path }) => path).toSorted()).toEqual([
      `/acme/net/resolve/${REVISION}/deep/unet.json`,
      `/acme/net/resolve/${REVISION}/deep/unet.pth`,
      `/acme/net/resolve/${REVISION}/face.pth`,
      `/other/vae/resolve/${REVISION}/model.bin`,
    ])
    const paths = ['face.pth', 'net/unet.json', 'net/unet.pth', 'vae/model.bin']
    expect(recipe.fills.map((files) => Object.keys(files).toSorted())).toEqual([paths])
  })

  test('says what it fetches, how much, and by which license, before it does', async () => {
    const { events, ...rest } = options()
    await pull(rest)
    const [plan] = events
    expect(plan).toMatchObject({
      ...{ type: 'plan', precision: 'fp32', cuda: false, from: hub.endpoint, here: [] },
      ...{ bundleBytes: 100_000, neededBytes: TOTAL_BYTES + 100_000 },
    })
    expect(plan).toHaveProperty('fetch.2', {
      ...{ path: 'vae/model.bin', bytes: 300_000, license: 'Apache-2.0' },
      origin: `other/vae @ ${REVISION}`,
    })
  })

  test('of a bundle that is there asks nobody', async () => {
    await pull(options())
    const before = hub.hub.length
    expect(await pull(options())).toMatchObject({ present: true })
    expect(hub.hub.length).toBe(before)
  })

  test('replaces a bundle in another form when that is asked for', async () => {
    await pull(options())
    const other = { precision: 'fp16', cuda: true } as const
    expect(await pull(options({ variant: other }))).toMatchObject({ present: true })
    const made = await pull(options({ variant: other, exact: true }))
    expect(made.manifest).toMatchObject({ precision: 'fp16', graphs: { generate: { cuda: {} } } })
    expect(await bundles()).toEqual(BUNDLE)
  })

  test('keeps the files when it is told to, and uses them the next time', async () => {
    await pull(options({ keep: true }))
    expect(await bundles()).toContain('musetalk-v1.5.download/files/net/unet.pth')
    const before = hub.sent()
    await pull(options({ exact: true, variant: { precision: 'fp16', cuda: false } }))
    expect(hub.sent()).toBe(before)
    expect(await bundles()).toEqual(BUNDLE)
  })

  test('shows the token to the hub and to nobody else', async () => {
    await pull(options({ token: 'hf_hush' }))
    expect(hub.hub.map(({ headers }) => headers.authorization)).toEqual(
      hub.hub.map(() => 'Bearer hf_hush'),
    )
    expect(hub.cdn.length).toBeGreaterThan(2)
    expect(JSON.stringify(hub.cdn)).not.toContain('hf_hush')
  })

  test('asks a mirror of the official layout first, without the token', async () => {
    await using mirror = await startFakeHub({ [`m/m/r/vae/model.bin`]: CONTENTS['vae/model.bin']! })
    const recipe = smallRecipe()
    await pull(options({ recipe, mirror: `${mirror.endpoint}/m/m/resolve/r/`, token: 'hf_hush' }))
    expect(mirror.hub.map(({ path }) => path)).toContain('/m/m/resolve/r/vae/model.bin')
    expect(JSON.stringify(mirror.hub)).not.toContain('hf_hush')
    expect(hub.hub.map(({ path }) => path).join()).not.toContain('model.bin')
    expect(hub.hub.map(({ path }) => path).join()).toContain('unet.pth')
  })
})

describe('a hub that has trouble', () => {
  test.each<[name: string, server: 'hub' | 'cdn', fault: (before: number) => Fault | undefined]>([
    ['is overloaded', 'hub', (before) => (before < 2 ? { status: 503 } : undefined)],
    [
      'asks for patience',
      'hub',
      (n) => (n < 1 ? { status: 429, headers: { 'retry-after': '0' } } : undefined),
    ],
    ['cuts the connection', 'cdn', (before) => (before < 3 ? { cutAfter: 200_000 } : undefined)],
    ['stops sending', 'cdn', (before) => (before < 1 ? { stallAfter: 200_000 } : undefined)],
    ['does not answer', 'cdn', (before) => (before < 1 ? { hang: true } : undefined)],
  ])('but %s only for a while is asked again', async (_, server, fault) => {
    failing(server, 'unet.pth', fault)
    await pull(options())
    expect(await bundles()).toEqual(BUNDLE)
  })

  test('is given the time that it asks for', async () => {
    const setTimer = globalThis.setTimeout
    const pauses: unknown[] = []
    // The clock runs ahead over that pause alone.
    const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((go: () => void, ms = 0) => {
      if (ms === 2_000) pauses.push(ms)
      return setTimer(go, ms === 2_000 ? 0 : ms)
    }) as typeof setTimeout)
    try {
      const patience = { status: 429, headers: { 'retry-after': '2' } }
      failing('hub', 'unet.pth', (before) => (before < 1 ? patience : undefined))
      const timeouts = shortTimeouts({ download: { tries: 3, firstMs: 5, maxMs: 500 } })
      await pull(options({ timeouts }))
    } finally {
      spy.mockRestore()
    }
    expect(pauses).toEqual([2_000])
    expect(await bundles()).toEqual(BUNDLE)
  })

  test('is not asked again for what has come', async () => {
    failing('cdn', 'unet.pth', (before) => (before < 2 ? { cutAfter: 196_608 } : undefined))
    await pull(options())
    const ranges = hub.cdn.filter(({ path }) => path.includes('unet.pth')).map((one) => one.headers)
    expect(ranges.map(({ range }) => range)).toEqual([
      undefined,
      expect.stringMatching(/^bytes=\d{5,}-$/),
      expect.stringMatching(/^bytes=\d{6}-$/),
    ])
    expect(ranges[1]!['if-range']).toMatch(/^"[0-9a-f]{32}"$/)
    expect(hub.sent()).toBeLessThan(TOTAL_BYTES + 2 * 65_536)
  })

  test('and has another file meanwhile sends all of it again', async () => {
    failing('cdn', 'unet.pth', (before) =>
      before < 1 ? { cutAfter: 200_000, etag: 'old', body: noise('old', 700_000) } : undefined,
    )
    await pull(options())
    expect(await bundles()).toEqual(BUNDLE)
  })

  const final: [name: string, fault: Fault, code: string, fault_: string, message: RegExp][] = [
    [
      'wants a token',
      { status: 401 },
      'ACCESS_DENIED',
      'caller',
      /\(401\); set HF_TOKEN.*terms of .*acme\/net, or bring the file with --from$/,
    ],
    [
      'wants the terms accepted',
      { status: 403 },
      'ACCESS_DENIED',
      'caller',
      /\(403\); set HF_TOKEN/,
    ],
    [
      'is overloaded for too long',
      { status: 503 },
      'HUB_UNAVAILABLE',
      'upstream',
      /answered with status 503.*unet\.pth.*try again/,
    ],
    ['has enough of us', { status: 429 }, 'HUB_UNAVAILABLE', 'upstream', /status 429/],
    ['hangs', { hang: true }, 'HUB_UNAVAILABLE', 'upstream', /did not answer in time.*try again/],
  ]
  test.each(final)('that %s is told in one line', async (_, fault, code, who, message) => {
    failing('hub', 'unet.pth', () => fault)
    const error = await refused()
    expect(error).toMatchObject({ code, fault: who })
    expect(error.message).toMatch(message)
    expect(error.message).not.toContain('\n')
    // What the others had is kept, and the next call goes on with it.
    hub.fault = () => undefined
    await pull(options())
  })

  test('that refuses the token says so', async () => {
    failing('hub', 'unet.pth', () => ({ status: 401 }))
    const { message } = await refused({ token: 'hf_hush' })
    expect(message).toContain('HF_TOKEN must be a valid token')
    expect(message).not.toContain('hush')
  })

  test('that is not there is named', async () => {
    const { code, message } = await refused({ endpoint: 'http://127.0.0.1:9' })
    expect(code).toBe('HUB_UNAVAILABLE')
    expect(message).toMatch(/^127\.0\.0\.1:9 refused the connection/)
  })
})

describe('a repository that has changed', () => {
  const without = (name: string, more: Record<string, Buffer> = {}) =>
    startFakeHub({
      ...Object.fromEntries(Object.entries(hubFiles()).filter(([file]) => !file.includes(name))),
      ...more,
    })

  test('and no longer has the pinned revision is asked for the newest', async () => {
    await using moved = await without('unet.pth', {
      'acme/net/main/deep/unet.pth': CONTENTS['net/unet.pth']!,
    })
    const { events, ...rest } = pullOptions(place, moved.endpoint)
    await pull(rest)
    expect(events).toContainEqual({
      type: 'note',
      message: expect.stringContaining('the pinned revision is gone'),
    })
  })

  test('into other bytes is refused', async () => {
    await using moved = await without('unet.pth', {
      'acme/net/main/deep/unet.pth': noise('new', 700_000),
    })
    const { code, message } = await refused({ endpoint: moved.endpoint })
    expect(code).toBe('CHECKSUM_MISMATCH')
    expect(message).toMatch(
      /^net\/unet\.pth from 127\.0\.0\.1:\d+ is not the official file: its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}; /,
    )
  })

  test('and lacks a file is asked for its twin', async () => {
    await using moved = await without('model.bin')
    const recipe = smallRecipe()
    const { events, ...rest } = pullOptions(place, moved.endpoint, { recipe })
    await pull(rest)
    expect(Object.keys(recipe.fills[0]!)).toContain('vae/model.safetensors')
    expect(events).toContainEqual({
      type: 'note',
      message: 'vae/model.bin is not there; its twin vae/model.safetensors is taken',
    })
  })

  test('and lacks a file without a twin is told with the addresses', async () => {
    await using moved = await without('unet.pth')
    const { code, fault, message } = await refused({ endpoint: moved.endpoint })
    expect({ code, fault }).toEqual({ code: 'FILE_NOT_FOUND', fault: 'upstream' })
    expect(message).toContain(`/acme/net/resolve/${REVISION}/deep/unet.pth`)
  })

  test('and lacks an optional file makes a bundle without it', async () => {
    await using moved = await without('face.pth')
    const recipe = smallRecipe()
    const { events, ...rest } = pullOptions(place, moved.endpoint, { recipe })
    await pull(rest)
    expect(Object.keys(recipe.fills[0]!)).not.toContain('face.pth')
    expect(events.findLast(({ type }) => type === 'note')).toMatchObject({
      message: expect.stringContaining('face.boxes'),
    })
  })
})

describe('a file of several places', () => {
  /** The optional file, on the hub and at another site. */
  const elsewhere = (url: string) => {
    const [slot] = SLOTS.slice(-1)
    const [file] = slot!.files
    const sources = [...file!.sources, { url }]
    return smallRecipe([...SLOTS.slice(0, -1), { ...slot!, files: [{ ...file!, sources }] }])
  }

  test.each([404, 401, 403, 503])('is had from the next where one answers %s', async (status) => {
    await using site = await startFakeHub({ 'acme/copy/main/face.pth': CONTENTS['face.pth']! })
    failing('hub', 'face.pth', () => ({ status }))
    const recipe = elsewhere(`${site.endpoint}/acme/copy/resolve/main/face.pth`)
    await pull(options({ recipe }))
    expect(Object.keys(recipe.fills[0]!)).toContain('face.pth')
  })

  test('that a hub lacks and that is out of reach elsewhere is done without, if it can be', async () => {
    failing('hub', 'face.pth', () => ({ status: 404 }))
    const recipe = elsewhere('http://127.0.0.1:9/face.pth')
    const { events, ...rest } = options({ recipe })
    await pull(rest)
    expect(Object.keys(recipe.fills[0]!)).not.toContain('face.pth')
    const notes = events.flatMap((event) => (event.type === 'note' ? event.message : []))
    expect(notes).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:9 refused the connection \(face\.pth\)/),
      expect.stringMatching(/^face\.pth is not there \(404\)/),
      expect.stringContaining('face.boxes'),
    ])
  })

  test('is not done without where a hub does not say that it lacks it', async () => {
    failing('hub', 'face.pth', () => ({ status: 503 }))
    const recipe = elsewhere('http://127.0.0.1:9/face.pth')
    expect(await refused({ recipe })).toMatchObject({ code: 'HUB_UNAVAILABLE' })
  })
})

describe('bytes that are not the official ones', () => {
  test('of the right size are refused, and not kept', async () => {
    failing('cdn', 'model.bin', () => ({ body: noise('wrong', 300_000) }))
    expect(await refused()).toMatchObject({ code: 'CHECKSUM_MISMATCH', fault: 'upstream' })
    expect(await bundles()).not.toContain('musetalk-v1.5.download/files/vae/model.bin.partial')
  })

  test('of another size are refused before they are fetched', async () => {
    failing('cdn', 'unet.pth', () => ({ body: noise('wrong', 5_000_000) }))
    hub.pauseMs = 2
    const { code, message } = await refused()
    expect(code).toBe('CHECKSUM_MISMATCH')
    expect(message).toContain('it has 5000000 bytes, not 700000')
    expect(hub.sent()).toBeLessThan(TOTAL_BYTES + 1_000_000)
  })

  test('are taken where unknown weights are allowed', async () => {
    const recipe = smallRecipe()
    failing('cdn', 'unet.pth', () => ({ body: noise('mine', 800_000) }))
    await pull(options({ recipe, allowUnknown: true }))
    const made = await readFile(place.file('bundles/musetalk-v1.5/generate.onnx'), 'utf8')
    expect(made).toMatch(/net\/unet\.pth [0-9a-f]{64} unknown/)
    expect(made).toContain(`vae/model.bin ${SLOTS[2]!.files[0]!.sha256} official`)
  })

  test('and come from another hub are not mixed with what this one has', async () => {
    const mine = (seed: string) =>
      Object.fromEntries(
        Object.entries(hubFiles()).map(([file, content]) => [
          file,
          file.endsWith('.pth') ? noise(`${seed} ${file}`, 600_000) : content,
        ]),
      )
    await using one = await startFakeHub(mine('one'))
    await using other = await startFakeHub(mine('other'))
    const broken = smallRecipe()
    broken.halfway = () => Promise.reject(new Error('stopped here'))
    const first = { recipe: broken, endpoint: one.endpoint, allowUnknown: true }
    await expect(pull(options(first))).rejects.toThrow('stopped here')

    // The same hub is not asked again; another is, but for what is official.
    const before = one.cdn.length
    await expect(pull(options(first))).rejects.toThrow('stopped here')
    expect(one.cdn.length).toBe(before)
    await pull(options({ endpoint: other.endpoint, allowUnknown: true }))
    const asked = other.cdn.map(
      ({ path }) => /\w+\.\w+$/.exec(decodeURIComponent(path.replace(/\?.*/, '')))![0],
    )
    expect(asked.toSorted()).toEqual(['face.pth', 'unet.pth'])
  })

  test('are taken where their content is known', async () => {
    const known = Buffer.concat([Buffer.from('known'), noise('other file', 640_000)])
    failing('cdn', 'unet.pth', () => ({ body: known }))
    await pull(options({ keep: true }))
    const made = await readFile(place.file('bundles/musetalk-v1.5/generate.onnx'), 'utf8')
    expect(made).toMatch(/net\/unet\.pth [0-9a-f]{64} unknown/)
  })

  test('and are a pointer or a page are refused by their size', async () => {
    failing('cdn', 'unet.pth', () => ({ body: Buffer.from('version https://git-lfs') }))
    const { code, message } = await refused()
    expect(code).toBe('CHECKSUM_MISMATCH')
    expect(message).toContain('it has 23 bytes, not 700000')
  })

  test('that an earlier process left behind cost one more try', async () => {
    const files = place.file('bundles/musetalk-v1.5.download/files')
    const address = `${hub.endpoint}/acme/net/resolve/${REVISION}/deep/unet.pth`
    await lay(files, {
      'net/unet.pth.partial': noise('damaged', 400_000),
      'net/unet.pth.partial.json': Buffer.from(JSON.stringify({ address, validator: `"x"` })),
    })
    failing('cdn', 'unet.pth', () => ({ etag: 'x' }))
    await pull(options())
    expect(await bundles()).toEqual(BUNDLE)
  })
})

describe('files that are here', () => {
  test('in the official layout are used where they are', async () => {
    await lay(place.file('mine'), CONTENTS)
    const recipe = smallRecipe()
    await pull(options({ recipe, places: { trees: [place.file('mine')], hubCaches: [] } }))
    expect(hub.hub).toEqual([])
    expect(recipe.fills[0]!['net/unet.pth']).toBe(place.file('mine/net/unet.pth'))
    expect(await tree(place.file('mine'))).toEqual(Object.keys(CONTENTS).toSorted())
  })

  test('under other names are known by their hash', async () => {
    await lay(place.file('mine'), {
      'a/b/c.bin': CONTENTS['net/unet.pth']!,
      other: noise('x', 700_000),
    })
    const recipe = smallRecipe()
    await pull(options({ recipe, places: { trees: [place.file('mine')], hubCaches: [] } }))
    expect(recipe.fills[0]!['net/unet.pth']).toBe(place.file('mine/a/b/c.bin'))
    expect(hub.hub.map(({ path }) => path).join()).not.toContain('unet.pth')
  })

  test("in the cache of the hub's own clients are used, whatever the revision", async () => {
    const cache = place.file('hf/hub')
    const { sha256 } = SLOTS[0]!.files[0]!
    await lay(`${cache}/models--acme--net`, { [`blobs/${sha256}`]: CONTENTS['net/unet.pth']! })
    await mkdir(`${cache}/models--acme--net/snapshots/${REVISION}/deep`, { recursive: true })
    await symlink(
      `../../../blobs/${sha256}`,
      `${cache}/models--acme--net/snapshots/${REVISION}/deep/unet.pth`,
    )
    await lay(`${cache}/models--other--vae/snapshots/${'b'.repeat(40)}`, {
      'model.safetensors': CONTENTS['vae/model.safetensors']!,
    })
    const recipe = smallRecipe()
    await pull(options({ recipe, places: { trees: [], hubCaches: [cache] } }))
    expect(recipe.fills[0]).toMatchObject({
      'net/unet.pth': `${cache}/models--acme--net/snapshots/${REVISION}/deep/unet.pth`,
      'vae/model.safetensors': expect.stringContaining(cache),
    })
    expect(hub.hub.map(({ path }) => path).join()).not.toMatch(/unet\.pth|model/)
  })

  test('but are others are told, and fetched', async () => {
    await lay(place.file('mine'), { 'net/unet.pth': noise('mine', 700_000) })
    const places = { trees: [place.file('mine')], hubCaches: [] }
    const { events, ...rest } = options({ places })
    await pull(rest)
    expect(events).toContainEqual({
      type: 'note',
      message: expect.stringMatching(/mine\/net\/unet\.pth is not used.*--allow-unknown/),
    })
    expect(hub.hub.map(({ path }) => path).join()).toContain('unet.pth')
  })

  test('and are unknown weights are taken where that is allowed', async () => {
    await lay(place.file('mine'), { 'net/unet.pth': noise('mine', 123_456) })
    const places = { trees: [place.file('mine')], hubCaches: [] }
    const recipe = smallRecipe()
    await pull(options({ recipe, places, allowUnknown: true }))
    expect(recipe.fills[0]!['net/unet.pth']).toBe(place.file('mine/net/unet.pth'))
  })

  test('are all that counts offline, and what is missing is named', async () => {
    await lay(place.file('mine'), { 'net/unet.pth': CONTENTS['net/unet.pth']! })
    const places = { trees: [place.file('mine')], hubCaches: [] }
    const error = await refused({ places, offline: true })
    expect(error).toMatchObject({ code: 'OFFLINE', fault: 'caller' })
    expect(error.message).toMatch(/net\/unet\.json, vae\/model\.bin \(looked in .*mine\)/)
    expect(hub.hub).toEqual([])
  })
})

describe('this machine', () => {
  test('without room says how much is needed before anything is fetched', async () => {
    const recipe = { ...smallRecipe(), size: async () => 1e15 }
    const error = await refused({ recipe })
    expect(error).toMatchObject({ code: 'DISK_FULL', fault: 'worker', retryable: true })
    expect(error.message).toMatch(/has [\d.]+ GB free, and 1000000\.00 GB are needed/)
    expect(hub.hub).toEqual([])
  })

  test('with a file in the place of the folder is told which', async () => {
    await writeFile(place.file('bundles'), '')
    const error = await refused()
    expect(error).toMatchObject({ code: 'DIRECTORY_UNUSABLE', fault: 'worker' })
    expect(error.message).toMatch(/bundles cannot be used \(\w+\); set BUNDLES_DIR/)
  })

  test('that was told to stop keeps what has come, and goes on with it', async () => {
    const stop = new AbortController()
    hub.pauseMs = 2
    const error = refused({ signal: stop.signal })
    await hub.whenSent(600_000)
    stop.abort()
    expect(await error).toMatchObject({ code: 'INTERRUPTED', fault: 'nobody', retryable: true })
    await pull(options())
    expect(hub.sent()).toBeLessThan(2 * TOTAL_BYTES) // what lay in the buffers of the sockets is lost
  })

  test('does not put a bundle in place whose bytes are not those that were written', async () => {
    const recipe = smallRecipe()
    const { fill } = recipe
    recipe.fill = async (files, out, ...rest) => {
      await fill(files, out, ...rest)
      const graph = join(out, 'generate.onnx')
      const bytes = await readFile(graph)
      bytes[100]! ^= 1 // what a bad disk does
      await writeFile(graph, bytes)
    }
    const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: place.file('hf'), DEVICE: 'cpu' }
    const folders = { BUNDLES_DIR: place.file('bundles'), CACHE_DIR: place.file('cache') }
    const call = { signal: AbortSignal.timeout(300_000), onEvent() {}, open: async () => recipe }
    const pulled = pullNamed(readConfig({ ...env, ...folders }), { name: 'musetalk-v1.5' }, call)
    await expect(pulled).rejects.toMatchObject({
      ...{ code: 'BUNDLE_BROKEN', fault: 'worker' },
      message: expect.stringContaining('generate.onnx'),
    })
    expect(await bundles()).not.toContain(BUNDLE[1])
  })
})
