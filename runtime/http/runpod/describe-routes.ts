import * as v from 'valibot'
import { EnvelopeSchema } from '../../runpod/envelope.ts'
import {
  describeOperation,
  IDEMPOTENCY_KEY,
  schemaComponent,
  pathParameter,
  queryParameter,
  response,
} from '../describe-operation.ts'
import { Event, JobReference, progressEntries, Result } from '../response-schemas.ts'
import { rejections } from '../responses.ts'
import type { runpodJobView, RunpodStatus } from './job-status.ts'

const count = v.pipe(v.number(), v.integer())
const milliseconds = v.pipe(count, v.description('Milliseconds'))
const status = v.picklist([
  'IN_QUEUE',
  'IN_PROGRESS',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TIMED_OUT',
] satisfies RunpodStatus[])

const Envelope = schemaComponent(
  'Envelope',
  v.object({ ...EnvelopeSchema.entries, input: JobReference }),
)
const RunpodJob = schemaComponent(
  'RunpodJob',
  v.object({
    id: v.string(),
    status,
    delayTime: v.optional(milliseconds),
    executionTime: v.optional(milliseconds),
    retries: v.optional(count),
    workerId: v.optional(v.string()),
    output: v.optional(v.union([Result, v.object(progressEntries)])),
    error: v.optional(v.string()),
  } satisfies Record<keyof ReturnType<typeof runpodJobView>, v.GenericSchema>),
)
const JobStatus = schemaComponent('RunpodStatus', v.object({ id: v.string(), status }))
const RunpodError = schemaComponent('RunpodError', v.object({ error: v.string() }))

const endpoint = pathParameter('endpoint', 'Anything: this worker is the only endpoint')
const id = pathParameter('id', 'Id of the job')
const wait = queryParameter('wait', 'Milliseconds, 1000 to 300000')

const NOT_FOUND = { 404: response('There is no such job, or no more.', RunpodError) }
const REJECTED = {
  400: response('The envelope is not valid.', RunpodError),
  ...rejections(RunpodError),
}

/** The descriptions of RunPod's operations. @param base what stands before their paths */
export function describeRunpodRoutes(base: '/v2/:endpoint' | '') {
  const tag = base === '' ? 'RunPod local' : 'RunPod'
  const path = base === '' ? [] : [endpoint]
  const describe = (
    summary: string,
    parameters: ReturnType<typeof pathParameter>[],
    responses: Record<number, object>,
    body?: v.GenericSchema,
  ) =>
    describeOperation({
      ...{ tag, summary, responses, parameters: [...path, ...parameters] },
      ...(body && { body }),
    })
  return {
    run: describe(
      'Submit a job',
      [IDEMPOTENCY_KEY],
      { 200: response('Queued.', JobStatus), ...REJECTED },
      Envelope,
    ),
    runsync: describe(
      'Submit a job and wait for its end',
      [wait, IDEMPOTENCY_KEY],
      {
        200: response('The job, or its status where the wait is over first.', RunpodJob),
        ...REJECTED,
      },
      Envelope,
    ),
    status: describe(
      'A job, with its output or error',
      [id, queryParameter('ttl', 'Milliseconds to keep its outcome')],
      { 200: response('The job.', RunpodJob), ...NOT_FOUND },
    ),
    statusSync: describe('Wait for the end of a job', [id, wait], {
      200: response('The job, or its status where the wait is over first.', RunpodJob),
      ...NOT_FOUND,
    }),
    stream: describe('The events of a job that were not read yet; held up to 5 s', [id], {
      200: response(
        'Each event is answered once.',
        v.object({ status, stream: v.array(v.object({ output: Event })) }),
      ),
      ...NOT_FOUND,
    }),
    cancel: describe('Cancel a job', [id], {
      200: response('Canceled, or over already.', JobStatus),
      ...NOT_FOUND,
    }),
    retry: describe('Run a failed job again', [id], {
      200: response('Queued.', JobStatus),
      ...REJECTED,
      400: response('It has not failed, or came by another API.', RunpodError),
      ...NOT_FOUND,
    }),
    purgeQueue: describe('Cancel the RunPod jobs that wait', [], {
      200: response('Done.', v.object({ removed: count, status: v.literal('completed') })),
    }),
    requests: describe('All jobs in memory', [], {
      200: response('Jobs of every API.', v.object({ requests: v.array(RunpodJob) })),
    }),
    health: describe('How many jobs and workers are in which state', [], {
      200: response(
        'Counts.',
        v.object({
          jobs: counts('completed', 'failed', 'inProgress', 'inQueue', 'retried'),
          workers: counts('idle', 'initializing', 'ready', 'running', 'throttled', 'unhealthy'),
        }),
      ),
    }),
  }
}

function counts(...names: string[]) {
  return v.object(Object.fromEntries(names.map((name) => [name, count])))
}
