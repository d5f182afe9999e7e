import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, test } from 'vitest'
import { bundlePull } from '../../../runtime/cli/commands/bundle-pull.ts'
import { readConfig } from '../../../runtime/config/config.ts'
import type { FakeHub } from '../../helpers/hub/fake-hub.ts'
import { hubOf } from '../../helpers/hub/pull.ts'
import { smallRecipe } from '../../helpers/hub/small-recipe.ts'
import type { Folder } from '../../helpers/media/media.ts'

let place: Folder
let hub: FakeHub
beforeEach(async (test) => void ({ place, hub } = await hubOf(test)))

const environment = () => ({
  ...{ HF_ENDPOINT: hub.endpoint, HF_HOME: place.file('hf'), DEVICE: 'cpu' },
  ...{ BUNDLES_DIR: place.file('bundles'), CACHE_DIR: place.file('cache') },
})

async function command(json = false) {
  let [out, err] = ['', '']
  const output = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    ...{ isTTY: false, columns: undefined },
  }
  const config = readConfig(environment())
  const open = async () => smallRecipe()
  const status = await bundlePull({ name: 'musetalk-v1.5' }, config, json, output, { open })
  return { status, out, err }
}

test('people read a plan and what to do next; programs read where the bundle is', async () => {
  const { status, out, err } = await command()
  expect({ status, out }).toEqual({ status: 0, out: `${place.file('bundles/musetalk-v1.5')}\n` })
  expect(err).toMatch(/^musetalk-v1\.5, fp32, into .*\n.*to fetch from http.*\n {2}net\/unet\.pth/)
  expect(err).toMatch(
    /\nmusetalk-v1\.5 0 \([0-9a-f]{12}\), fp32, is made: MODEL_BUNDLE=musetalk-v1\.5\n$/,
  )
  expect((await command()).err).toMatch(
    /^musetalk-v1\.5 0 .* is there \(remove the folder to make it anew\): /,
  )
})

test('as JSON each line is an event', async () => {
  const { status, out, err } = await command(true)
  expect({ status, err }).toEqual({ status: 0, err: '' })
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string })
  expect(events[0]).toMatchObject({ type: 'plan', fetch: expect.any(Array) })
  expect(events.at(-1)).toMatchObject({ type: 'done', name: 'musetalk-v1.5', present: false })
})

test.each([
  [403, 2, 'ACCESS_DENIED', false],
  [404, 3, 'FILE_NOT_FOUND', false],
])(
  'a hub that answers %i ends it with %i and one line',
  async (answer, status, code, retryable) => {
    hub.fault = () => ({ status: answer })
    const plain = await command()
    expect(plain).toMatchObject({ status, out: '' })
    expect(plain.err.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`^${code}: .+`))
    const { out } = await command(true)
    const last = JSON.parse(out.trimEnd().split('\n').at(-1)!) as object
    expect(last).toMatchObject({ type: 'failed', code, retryable, message: expect.any(String) })
  },
)

test('the command line refuses what it does not know', async () => {
  const main = fileURLToPath(new URL('../../../runtime/main.ts', import.meta.url))
  const run = (args: string[]) =>
    new Promise<{ status: unknown; stderr: string }>((resolve) => {
      const env = { ...process.env, ...environment() }
      execFile(process.execPath, [main, ...args], { env }, (error, _, stderr) =>
        resolve({ status: error ? error.code : 0, stderr }),
      )
    })
  const unknown = await run(['bundle', 'pull', 'other'])
  expect(unknown).toEqual({
    status: 2,
    stderr: 'UNKNOWN_BUNDLE: there is no bundle "other" to pull; there is musetalk-v1.5\n',
  })
  const wrong = await run(['bundle', 'pull', 'musetalk-v1.5', '--precision', 'int8'])
  expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining('fp32 or fp16') })
  const lost = await run(['bundle', 'pull', 'musetalk-v1.5', '--from', place.file('none')])
  expect(lost).toMatchObject({ status: 2, stderr: expect.stringContaining('no such folder') })
})
