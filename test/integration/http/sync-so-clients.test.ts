import { createHmac } from 'node:crypto'
import { Sync, SyncClient, SyncError } from '@sync.so/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bodyOf, webServer } from '../../helpers/servers/loopback-server.ts'
import { pushServer } from '../../helpers/servers/worker-server.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
type Server = Awaited<ReturnType<typeof pushServer>>
let at: Server
beforeAll(async () => {
  at = await pushServer({
    API_KEY: 'the key',
    QUEUE_LIMIT: '4',
    CONCURRENCY: '1',
    WEBHOOK_SECRET: SECRET,
  })
})
afterAll(() => at[Symbol.asyncDispose]())

const input = (): Sync.Input[] => [
  { type: 'video', url: at.job.video_url },
  { type: 'audio', url: at.job.audio_url },
]

describe('the npm client @sync.so/sdk', () => {
  const client = (apiKey = 'the key') => new SyncClient({ baseUrl: at.url, apiKey }).generations
  const noRetries = { maxRetries: 0 }

  async function finished(id: string): Promise<Sync.Generation> {
    for (;;) {
      const generation = await client().get(id)
      if (!['PENDING', 'PROCESSING'].includes(generation.status)) return generation
    }
  }

  test.each(Object.values(Sync.SyncMode))('generates, in the mode %s', async (sync_mode) => {
    const made = await client().create({
      model: 'lipsync-2',
      input: input(),
      options: { sync_mode },
    })
    expect(made).toMatchObject({ model: 'lipsync-2', input: input(), options: { sync_mode } })
    const done = await finished(made.id)
    expect(done).toMatchObject({ id: made.id, status: 'COMPLETED', outputDuration: 0.08 })
    const video = await fetch(done.outputUrl!, { headers: { 'x-api-key': 'the key' } })
    expect(video.status).toBe(200)
  })

  test('generates in segments, each with a recording of its own', async () => {
    const [video, audio] = input()
    const made = await client().create({
      model: 'lipsync-2',
      input: [video!, { ...audio, refId: 'one' }] as Sync.Input[],
      segments: [
        { startTime: 0, endTime: 1, audioInput: { refId: 'one' } },
        { startTime: 2, endTime: 3, audioInput: { refId: 'one', startTime: 0, endTime: 1 } },
      ],
    })
    expect(await finished(made.id)).toMatchObject({ id: made.id, status: 'COMPLETED' })
  })

  test('lists generations, by state and by id', async () => {
    const { id } = await client().create({ model: 'lipsync-2', input: input() })
    await finished(id)
    const ids = async (request?: Sync.ListGenerationsRequest) =>
      (await client().list(request)).map((one) => one.id)
    expect((await ids())[0]).toBe(id)
    expect(await ids({ ids: [id] })).toEqual([id])
    expect(await ids({ status: ['COMPLETED'] })).toContain(id)
    expect(await ids({ status: ['FAILED'], ids: [id] })).toEqual([])
  })

  test('estimates a cost: none', async () => {
    const request = { model: 'lipsync-2', input: input() } as const
    expect(await client().estimateCost(request)).toEqual([
      {
        estimatedFrameCount: 2,
        estimatedGenerationCost: 0,
        estimatedSeconds: expect.any(Number) as number,
      },
    ])
    const refused = client().estimateCost({ ...request, input: input().slice(1) }, noRetries)
    await expect(refused).rejects.toMatchObject({ statusCode: 400 })
  })

  test('has its webhook called, signed', async () => {
    const { promise, resolve } = Promise.withResolvers<{ signature: string; body: string }>()
    await using hook = await webServer(async (request, response) => {
      const body = (await bodyOf(request)).toString()
      response.end()
      resolve({ signature: String(request.headers['sync-signature']), body })
    })
    const webhookUrl = hook.url('/hook')
    const { id } = await client().create({ model: 'lipsync-2', input: input(), webhookUrl })
    const call = await promise
    const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(call.signature)!
    const expected = createHmac('sha256', SECRET).update(`${time}.${call.body}`).digest('hex')
    expect(signature).toBe(expected)
    expect(JSON.parse(call.body)).toMatchObject({ id, status: 'COMPLETED', webhookUrl })
  })

  test('is told of a failure by error and code', async () => {
    await using nothing = await webServer((_, response) => void response.writeHead(404).end())
    const gone: Sync.Input[] = [{ type: 'video', url: nothing.url('/v') }, input()[1]!]
    const { id } = await client().create({ model: 'lipsync-2', input: gone })
    const failed = await finished(id)
    expect(failed).toMatchObject({
      status: 'FAILED',
      error_code: 'generation_input_video_inaccessible',
    })
    expect(failed.error).toMatch(/^video_url: /)
  })

  test('names a generation’s file', async () => {
    const request = { model: 'lipsync-2', input: input(), outputFileName: 'my_talk' } as const
    const done = await finished((await client().create(request)).id)
    expect(done.outputUrl).toMatch(/\/my_talk\.mp4$/)
  })

  test('gets the errors of its types', async () => {
    const caught = (error: unknown) => error as SyncError
    const wrongKey = await client('wrong')
      .create({ model: 'lipsync-2', input: input() }, noRetries)
      .catch(caught)
    expect(wrongKey).toBeInstanceOf(Sync.UnauthorizedError)
    const unknown = await client().get('nobody', noRetries).catch(caught)
    expect(unknown).toBeInstanceOf(Sync.NotFoundError)
    expect((unknown as SyncError).body).toMatchObject({ statusCode: 404 })
    const refused = await client()
      .create({ model: 'react-1', input: input() }, noRetries)
      .catch(caught)
    expect(refused).toBeInstanceOf(Sync.BadRequestError)
    expect((refused as SyncError).body).toMatchObject({
      ...{
        statusCode: 400,
        message: expect.stringMatching(/^model: must be one of lipsync-2/) as string,
      },
    })
  })
})
