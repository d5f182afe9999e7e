import type { Channel } from '../helpers/runpod/request-log.ts'
import type { Fault, Platform, PlatformJob } from '../helpers/runpod/platform.ts'

/** What happens to a worker, and what its trace is worth comparing by. */
export interface Scenario {
  /** Of the conformance list in the contract. */
  number: number
  jobs?: PlatformJob[]
  /** What kind of handler, see `sdk_worker.py`. */
  env?: Record<string, string>
  /** Added to the variables of the platform; '' takes one away. */
  platformEnv?: (origin: string) => Record<string, string>
  faults?: Partial<Record<Channel, Fault[]>>
  /** Channels that the trace keeps. */
  keep: Channel[]
  /** Drives the rest, once the worker runs; it is over when this resolves. */
  until(platform: Platform): Promise<void>
  /** The process ends by itself: its exit status is part of the trace. */
  exits?: true
}

const job = (id: string, input: unknown): PlatformJob => ({ id, input })
const returning = (id: string, mock_return: unknown) => job(id, { mock_return })

const allDone =
  (count: number) =>
  ({ recorder, outcomes }: Platform) =>
    recorder.until(() => outcomes.size >= count, `${count} outcomes`)

/** The takes that follow show how the worker took the answers. */
const takes =
  (count: number) =>
  ({ recorder }: Platform) =>
    recorder.until(() => recorder.of('take').length >= count, `${count} takes`)

const ended = ({ recorder }: Platform, channel: Channel, count: number) =>
  recorder.until(
    () => recorder.of(channel).filter((one) => one.status !== undefined).length >= count,
    `${count} answers on ${channel}`,
  )

const pinged = ({ recorder }: Platform, query: RegExp, from = 0) =>
  recorder.until(
    () => recorder.of('ping').some((one) => one.at >= from && query.test(one.query.join('&'))),
    `a ping with ${query}`,
  )

/** Where RunPod's own SDK is the yardstick. */
export const SCENARIOS: Record<string, Scenario> = {
  values: {
    number: 1,
    jobs: [
      returning('text', 'done'),
      returning('object', { url: 'https://example.com/a.mp4', frames: 25 }),
      returning('nothing', null),
      returning('false', false),
      returning('zero', 0),
      returning('empty-list', []),
      returning('empty-object', {}),
    ],
    keep: ['take', 'done'],
    until: allDone(7),
  },
  throws: {
    number: 2,
    jobs: [job('throws', { mock_error: true })],
    keep: ['done'],
    until: allDone(1),
  },
  errors: {
    number: 3,
    jobs: [
      returning('text', { error: 'x' }),
      returning('beside-output', { error: 'x', a: 1 }),
      returning('object', { error: { code: 'NO_FACE' } }),
      returning('falsy', { error: '', a: 1 }),
    ],
    keep: ['done'],
    until: allDone(4),
  },
  'refresh-by-job': {
    number: 4,
    jobs: [job('refresh', { mock_refresh: true, mock_return: 'last' }), returning('next', 'done')],
    keep: ['done'],
    until: allDone(2),
  },
  'refresh-by-configuration': {
    number: 4,
    jobs: [returning('only', 'done'), returning('next', 'done')],
    env: { REFRESH: 'true' },
    keep: ['done'],
    exits: true,
    until: (platform) => platform.recorder.until(() => platform.outcomes.size >= 1),
  },
  generator: {
    number: 5,
    jobs: [returning('parts', ['a', { b: 1 }])],
    env: { HANDLER: 'generator' },
    keep: ['stream', 'done'],
    until: allDone(1),
  },
  'generator-aggregated': {
    number: 5,
    jobs: [returning('parts', ['a', { b: 1 }])],
    env: { HANDLER: 'async_generator', AGGREGATE: 'true' },
    keep: ['stream', 'done'],
    until: allDone(1),
  },
  'generator-fails': {
    number: 6,
    jobs: [
      returning('raises', ['a', 'raise', 'b']),
      returning('yields-error', ['a', { error: 'x' }, 'b']),
    ],
    env: { HANDLER: 'generator' },
    keep: ['stream', 'done'],
    until: allDone(2),
  },
  progress: {
    number: 7,
    jobs: [job('slow', { mock_progress: { updates: 3, wait_time: 0.5 }, mock_return: 'done' })],
    keep: ['done'],
    until: allDone(1),
  },
  'nothing-to-take': {
    number: 8,
    faults: {
      take: [
        { status: 204 },
        { status: 400 },
        { status: 429 },
        { status: 200, headers: { 'content-type': 'application/json', 'content-length': '0' } },
        { status: 200, headers: { 'content-type': 'text/html' }, body: '<p>no</p>' },
        { status: 200, headers: { 'content-type': 'application/json' }, body: '{"id":' },
      ],
    },
    keep: ['take', 'done'],
    until: takes(7),
  },
  batch: {
    number: 10,
    jobs: [1, 2, 3].map((n) => job(`job-${n}`, { mock_delay: 3, mock_return: n })),
    env: { CONCURRENCY: '3', HANDLER: 'async' },
    keep: ['take', 'done'],
    until: async (platform) => {
      await allDone(3)(platform)
      const { length } = platform.recorder.of('take')
      await platform.recorder.until(() => platform.recorder.of('take').length > length)
    },
  },
  'done-answers-500': {
    number: 12,
    jobs: [returning('stubborn', 'done')],
    faults: { done: [{ status: 500 }, { status: 500 }] },
    keep: ['done'],
    until: allDone(1),
  },
  'wide-text': {
    number: 16,
    jobs: [
      returning('text', 'Grüße 你好 \u{1f600} "quoted" \\ / \n\t \u0001 \u2028 \u007f'),
      job('long', { mock_long: 500_000 }),
    ],
    keep: ['done'],
    until: allDone(2),
  },
  pings: {
    number: 17,
    env: { CONCURRENCY: '3', HANDLER: 'async' },
    keep: ['ping'],
    until: async (platform) => {
      await pinged(platform, /^runpod_version=/)
      platform.hand(job('a', { mock_delay: 5 }))
      await pinged(platform, /job_id=a&/)
      await allDone(1)(platform)
      await pinged(platform, /^runpod_version=/, performance.now())
    },
  },
  'handler-blocks': {
    number: 18,
    jobs: [job('blocks', { mock_delay: 4 })],
    keep: ['ping', 'done'],
    until: allDone(1),
  },
  'stop-running': {
    number: 19,
    env: { HANDLER: 'async' },
    keep: ['stop', 'done'],
    until: async (platform) => {
      const { recorder } = platform
      platform.hand(job('endless', { mock_delay: 600 }))
      await pinged(platform, /job_id=endless/)
      platform.stop('unknown', 7, 'endless')
      await ended(platform, 'stop', 1)
      platform.hand(returning('next', 'done'))
      await recorder.until(() => platform.outcomes.has('next'))
    },
  },
  'terminated-at-work': {
    number: 21,
    jobs: [job('last', { mock_delay: 3, mock_return: 'done' })],
    env: { HANDLER: 'async', SIGNAL_AT_PING: 'last' },
    keep: ['done'],
    exits: true,
    until: (platform) => pinged(platform, /job_id=last/),
  },
  'template-with-plus-and-space': {
    number: 22,
    jobs: [returning('a', 'done')],
    platformEnv: (origin) => ({
      RUNPOD_WEBHOOK_GET_JOB: `${origin}/v2/ep1/job-take/$ID?gpu=A+B&cpu=C D`,
      RUNPOD_WEBHOOK_POST_OUTPUT: `${origin}/v2/ep1/job-done/$RUNPOD_POD_ID/$ID?gpu=A+B&cpu=C D`,
    }),
    keep: ['take', 'done', 'stop'],
    until: allDone(1),
  },
  'hub-tester': {
    number: 23,
    jobs: [returning('a', 'done')],
    platformEnv: (origin) => ({
      RUNPOD_WEBHOOK_GET_JOB: `${origin}/v2/IDE/job-take/$RUNPOD_POD_ID`,
      RUNPOD_WEBHOOK_POST_OUTPUT: `${origin}/v2/IDE/job-done/$RUNPOD_POD_ID/$ID?gpu=$RUNPOD_GPU_TYPE_ID`,
      RUNPOD_WEBHOOK_POST_STREAM: '',
      RUNPOD_WEBHOOK_PING: '',
      RUNPOD_AI_API_KEY: '',
      RUNPOD_ENDPOINT_ID: '',
    }),
    keep: ['take', 'done', 'ping'],
    until: allDone(1),
  },
  unfit: {
    number: 24,
    jobs: [returning('never', 'done')],
    env: { UNFIT: 'no GPU: & ? ü' },
    keep: ['take', 'ping'],
    exits: true,
    until: (platform) => platform.recorder.until(() => platform.recorder.of('ping').length >= 1),
  },
}
