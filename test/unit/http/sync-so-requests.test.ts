import { describe, expect, test } from 'vitest'
import { parseGeneration, toJob } from '../../../runtime/http/sync-so/generation-request.ts'
import { parseJob } from '../../../handler/job/parse-job.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'
import { settle } from '../../helpers/jobs/controlled-jobs.ts'

const VIDEO = { type: 'video', url: 'https://a.test/v.mp4' }
const AUDIO = { type: 'audio', url: 'https://a.test/a.wav' }
const BODY = { model: 'lipsync-2', input: [VIDEO, AUDIO] }

describe('a generation is a job', () => {
  const job = (changes: object) => toJob(parseGeneration({ ...BODY, ...changes }), 'g')
  test.each([
    [{}, 'audio'],
    [{ options: { sync_mode: 'bounce' } }, 'audio'],
    [{ options: { sync_mode: 'cut_off' } }, 'shortest'],
    [{ options: { sync_mode: 'silence' } }, 'video'],
    [{ options: { sync_mode: 'loop' } }, 'loop'],
    [{ options: { sync_mode: 'remap' } }, 'remap'],
  ])('%j lasts as long as %s', (changes, length) => {
    expect(job(changes)).toMatchObject({
      id: 'g',
      video_url: VIDEO.url,
      audio_url: AUDIO.url,
      length,
    })
  })
  test('with its own boxes and name', () => {
    const bounding_boxes = [[1, 2, 3, 4], null]
    const options = { active_speaker_detection: { auto_detect: false, bounding_boxes } }
    expect(job({ options, outputFileName: 'talk-1' })).toMatchObject({
      ...{ face: { boxes: bounding_boxes }, output: { key: 'g/talk-1.mp4' } },
    })
  })
  test('with the one at a point of a frame', () => {
    const faceOf = (point: object) => job({ options: { active_speaker_detection: point } })
    const coordinates = [320, 200]
    expect(faceOf({ coordinates, frame_number: 40 })).toMatchObject({
      face: { at: coordinates, frame: 40 },
    })
    expect(faceOf({ coordinates })).toMatchObject({ face: { at: coordinates, frame: 0 } })
    expect(faceOf({ coordinates, auto_detect: true })).toMatchObject({ face: { at: coordinates } })
    expect(faceOf({ frame_number: 40 })).not.toHaveProperty('face')
  })
  test('with whoever speaks in the source, where that is to be found out', () => {
    const faceOf = (auto_detect: boolean) =>
      job({ options: { active_speaker_detection: { auto_detect } } })
    expect(faceOf(true)).toMatchObject({ face: 'speaking' })
    expect(faceOf(false)).not.toHaveProperty('face')
  })
  test('in segments, each with the recording that it refers to', () => {
    const input = [
      VIDEO,
      { ...AUDIO, refId: 'r' },
      { ...AUDIO, url: 'https://a.test/b', refId: 's' },
    ]
    const segments = [
      { startTime: 1, endTime: 2, audioInput: { refId: 's', startTime: 3, endTime: 4.5 } },
      { startTime: 5, endTime: 6, audioInput: { refId: 'r' } },
    ]
    const given = job({ input, segments })
    expect(given).toMatchObject({
      segments: [
        { from: 1, to: 2, audio_url: 'https://a.test/b', speech: { from: 3, to: 4.5 } },
        { from: 5, to: 6, audio_url: AUDIO.url },
      ],
    })
    expect(given).not.toHaveProperty('length')
    expect(parseJob(given, undefined, { allowFileInputs: false })).toMatchObject({
      length: 'video',
      voices: [{ span: { from: 1, to: 2 } }, { span: { from: 5, to: 6 } }],
    })
    expect(job({ input, segments, options: { sync_mode: 'loop' } })).toMatchObject({
      length: 'loop',
    })
  })
  test('whatever the order of its inputs, and with what is empty', () => {
    const given = job({ input: [{ ...AUDIO, refId: 'r' }, VIDEO], options: null, segments: null })
    expect(given).toMatchObject({ video_url: VIDEO.url, audio_url: AUDIO.url })
    const unset = { sync_mode: null, active_speaker_detection: null, temperature: null }
    expect(job({ options: unset })).toEqual(job({}))
    const nobody = { auto_detect: null, coordinates: null, bounding_boxes: null }
    expect(job({ options: { active_speaker_detection: nobody } })).toEqual(job({}))
  })
})

/** What has no meaning here, and the field that the refusal names. */
const REFUSED: [object, string][] = [
  [{ model: 'react-1' }, 'model: '],
  [{ model: undefined }, 'model: '],
  [
    { input: [VIDEO, { type: 'text', provider: { name: 'elevenlabs' } }] },
    'input.1.provider: text is not spoken',
  ],
  [{ input: [{ type: 'video', assetId: 'a' }, AUDIO] }, 'input.0.assetId: assets are not kept'],
  [
    { input: [{ ...VIDEO, segments_secs: [[0, 1]] }, AUDIO] },
    'input.0.segments_secs: name the parts in segments',
  ],
  [{ input: [VIDEO] }, 'input: must have one audio'],
  [{ input: [VIDEO, VIDEO, AUDIO] }, 'input: must have one video with a url, not 2'],
  [{ input: [VIDEO, { type: 'audio' }] }, 'input: must have one audio with a url'],
  [
    { segments: [{ startTime: 0, endTime: 1, audioInput: { refId: 'r' } }] },
    'segments.0.audioInput.refId: there is no audio with a url and the refId "r"',
  ],
  [{ options: { sync_mode: 'stretch' } }, 'options.sync_mode: must be one of'],
  [{ options: { temperature: 0.5 } }, 'options.temperature: '],
  [{ options: { prompt: 'happy' } }, 'options.prompt: '],
  [{ options: { model_mode: 'head' } }, 'options.model_mode: '],
  [{ options: { active_speaker_detection: { auto_detect: 'yes' } } }, 'auto_detect: '],
  [
    { options: { active_speaker_detection: { coordinates: [1] } } },
    'options.active_speaker_detection.coordinates.1: ',
  ],
  [{ webhookUrl: 'ftp://a.test' }, 'webhookUrl: must be'],
  [{ outputFileName: '../x' }, 'outputFileName: must be'],
  [{ voice: 'x' }, 'voice'],
]

test.each(REFUSED)('%j is refused by name', async (changes, line) => {
  const { post, calls } = heldApp()
  const { status, body } = await post('/v2/generate', { ...BODY, ...changes })
  expect([status, body.statusCode]).toEqual([400, 400])
  expect(body.message).toContain(line)
  expect(calls).toEqual([])
})

test('an address that leads inside, files and no JSON are refused', async () => {
  const { post } = heldApp()
  const inside = await post('/v2/generate', { ...BODY, webhookUrl: 'http://internal.test/' })
  expect(inside).toMatchObject({
    status: 400,
    body: { message: 'webhookUrl: the address is inside' },
  })
  const files = { headers: { 'content-type': 'multipart/form-data; boundary=x' } }
  expect((await post('/v2/generate', '--x--', files)).body.message).toContain('POST /uploads')
  expect((await post('/v2/generate', '{')).status).toBe(400)
  expect(
    (await post('/v2/generate', { ...BODY, input: [{ ...VIDEO, url: 'x' }, AUDIO] })).status,
  ).toBe(400)
})

test('the states of a job are those of a generation', async () => {
  const { post, get, next, del } = heldApp()
  const first = await post('/v2/generate', BODY)
  expect(first).toMatchObject({ status: 201, body: { status: 'PROCESSING', model: 'lipsync-2' } })
  const second = await post('/v2/generate', BODY)
  expect(second.body.status).toBe('PENDING')
  await del(`/jobs/${second.body.id}`)
  expect((await get(`/v2/generate/${second.body.id}`)).body.status).toBe('REJECTED')
  ;(await next()).succeed()
  await settle()
  expect((await get(`/v2/generate/${first.body.id}`)).body).toMatchObject({
    ...{ status: 'COMPLETED', outputDuration: 1 },
  })
  expect((await get('/v2/generations')).body.map((one: { id: string }) => one.id)).toEqual([
    ...[second.body.id, first.body.id],
  ])
  expect((await get('/v2/generations?status=COMPLETED,FAILED')).body).toHaveLength(1)
})

test('jobs of other calls are no generations, and RunPod’s paths are theirs still', async () => {
  const { post, get } = heldApp()
  const { body } = await post('/jobs', { video_url: VIDEO.url, audio_url: AUDIO.url })
  expect((await get(`/v2/generate/${body.id}`)).status).toBe(404)
  expect((await get('/v2/generations')).body).toEqual([])
  const run = await post('/v2/generate/run', {
    input: { video_url: VIDEO.url, audio_url: AUDIO.url },
  })
  expect((await get(`/v2/generate/status/${run.body.id}`)).status).toBe(200)
})

test('a generation that is sent again under its Idempotency-Key is one', async () => {
  const { post } = heldApp()
  const init = { headers: { 'idempotency-key': 'k' } }
  const [first, again] = [
    await post('/v2/generate', BODY, init),
    await post('/v2/generate', BODY, init),
  ]
  expect(again.body.id).toBe(first.body.id)
  const other = await post('/v2/generate', { ...BODY, model: 'sync-3' }, init)
  expect(other).toMatchObject({ status: 409, body: { statusCode: 409 } })
})
