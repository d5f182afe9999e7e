import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bridgeAddress, build, container, docker } from '../helpers/docker.ts'
import { startOfficialHub } from '../helpers/hub/official-hub.ts'

const IMAGE = `musetalk-worker:pull-test-${process.pid}`
/** Folder of narrow checkpoints in the official layout; .ci/long makes them. */
const CHECKPOINTS = process.env['IMAGE_CHECKPOINTS']
const HALF = 50_000_000 // of the largest of the narrow files, the pose network's

describe.skipIf(!CHECKPOINTS)('a container without weights (built by .ci/long only)', () => {
  const volume = `musetalk-pull-${process.pid}`
  beforeAll(async () => {
    await build(IMAGE)
    await docker('volume', 'create', volume)
  }, 900_000)
  afterAll(async () => {
    await docker('volume', 'rm', '--force', volume).catch(() => {})
    await docker('rmi', IMAGE).catch(() => {})
  }, 60_000)

  test('fetches its bundle when it starts, goes on after it was killed, and renders', async () => {
    await using hub = await startOfficialHub(CHECKPOINTS!, await bridgeAddress())
    const run = [
      ...['-v', `${volume}:/data`, '-e', 'MODEL_BUNDLE=musetalk-v1.5', '-e', 'BUNDLE_PULL=true'],
      ...['-e', `HF_ENDPOINT=${hub.endpoint}`, '-e', 'STORAGE=directory'],
      ...['-e', 'ALLOW_FILE_INPUTS=true', IMAGE],
    ]
    const isPose = (path: string) => path.includes('dw-ll_ucoco_384')
    const partial = '/data/bundles/musetalk-v1.5.download/files/dwpose/dw-ll_ucoco_384.pth.partial'
    hub.fault = ({ server, file }) =>
      server === 'cdn' && isPose(file) ? { stallAfter: HALF } : undefined
    {
      await using first = await container(run)
      const health = async () => {
        const answer = await fetch(`${await first.origin()}/health`).catch(() => undefined)
        return (await answer?.json()) as Record<string, any> | undefined
      }
      const phase = () => health().then((known) => known?.['pull']?.phase)
      await expect.poll(phase, { timeout: 300_000 }).toBe('download')
      expect(await health()).toMatchObject({ state: 'starting', bundle: null })
      expect((await fetch(`${await first.origin()}/ready`)).status).toBe(503)
      const come = () => first.sh(`stat -c %s ${partial}; true`).then(Number)
      await expect.poll(come, { timeout: 300_000 }).toBe(HALF)
      await docker('kill', first.name)
    }
    hub.fault = () => undefined
    const before = hub.cdn.length
    await using second = await container(run)
    await second.ready(900_000)
    const asked = hub.cdn.slice(before).filter(({ path }) => isPose(path))
    expect(asked.map(({ headers }) => headers.range)).toEqual([`bytes=${HALF}-`])
    const health = await fetch(`${await second.origin()}/health`)
    expect(await health.json()).toMatchObject({ bundle: { name: 'musetalk-v1.5' } })

    const job = {
      ...{ video: '/app/demo/portrait.png', audio: '/app/demo/speech.wav', fps: 5 },
      face: { boxes: [[100, 100, 356, 356]] }, // random weights find no face
    }
    const answer = await fetch(`${await second.origin()}/generate`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify(job),
    })
    expect(await answer.json()).toMatchObject({ status: 'success', error: null })
  }, 1_800_000)
})
