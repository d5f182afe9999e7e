import type { ErrorPayload } from '../../handler/errors.ts'
import type { EventBase, JobResult } from '../../handler/events/job-events.ts'

const text = { type: 'string' }
const number = { type: 'number' }
const whole = { type: 'integer' }
const object = { type: 'object' }
const flag = { type: 'boolean' }
const all = (properties: Record<string, object>) => ({
  ...{ type: 'object', properties, required: Object.keys(properties) },
})

const result = {
  job_id: text,
  status: { const: 'succeeded' },
  output_url: text,
  key: text,
  bytes: whole,
  sha256: text,
  width: whole,
  height: whole,
  duration_sec: number,
  fps: number,
  frames: whole,
  frames_without_face: whole,
  bundle: all({ name: text, version: text, id: text }),
  stage_times: {
    type: 'object',
    additionalProperties: number,
    description: 'Seconds; they overlap.',
  },
  total_time: number,
  realtime_factor: { type: 'number', description: 'Below 1 is faster than real time.' },
  peak_memory_mb: number,
  metadata: object,
  deduplicated: flag,
} satisfies Record<keyof JobResult, object>

const failure = {
  code: text,
  message: text,
  stage: text,
  retryable: flag,
} satisfies Record<keyof ErrorPayload, object>
const ErrorPayload = {
  type: 'object',
  properties: failure,
  required: ['code', 'message', 'retryable'],
}

const progress = {
  phase: { enum: ['downloading', 'inference', 'inferring', 'encoding', 'uploading', 'completed'] },
  progress: { type: 'number', minimum: 0, maximum: 1 },
  eta_sec: { type: ['number', 'null'] },
  metrics: object,
} satisfies Partial<Record<keyof EventBase, object>>

/** What is answered; what is asked is generated from the schema that checks it. */
export const schemas = {
  Result: all(result),
  Failure: {
    type: 'object',
    properties: {
      error: ErrorPayload,
      detail: { type: 'array', items: all({ loc: { type: 'array' }, msg: text, type: text }) },
    },
    required: ['error'],
  },
  JobView: {
    type: 'object',
    properties: {
      ...{ id: text, created_at: { type: 'string', format: 'date-time' }, attempts: whole },
      status: { enum: ['queued', 'running', 'succeeded', 'failed', 'canceled'] },
      ...progress,
      result: { $ref: '#/components/schemas/Result' },
      error: ErrorPayload,
    },
    required: ['id', 'status', 'created_at', 'attempts'],
  },
  Generated: {
    description: 'The result, under the legacy worker’s names too.',
    type: 'object',
    properties: {
      ...result,
      status: { enum: ['success', 'succeeded'] },
      ...{ musetalk_job_id: text, metrics: object, error: { type: 'null' } },
    },
    required: ['status', 'output_url', 'musetalk_job_id', 'metrics', 'error'],
  },
  Envelope: {
    type: 'object',
    properties: {
      input: { $ref: '#/components/schemas/Job' },
      webhook: { type: 'string', format: 'uri' },
      policy: {
        type: 'object',
        properties: { executionTimeout: whole, ttl: whole, lowPriority: flag },
        description: 'Milliseconds.',
      },
    },
    required: ['input'],
  },
  RunpodJob: {
    type: 'object',
    properties: {
      ...{ id: text, delayTime: whole, executionTime: whole, retries: whole, workerId: text },
      status: {
        enum: ['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT'],
      },
      output: { anyOf: [{ $ref: '#/components/schemas/Result' }, object] },
      error: text,
    },
    required: ['id', 'status'],
  },
}
