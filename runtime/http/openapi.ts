import { Hono } from 'hono'
import { jobJsonSchema } from '../../handler/job-schema.ts'
import { schemas } from './openapi-schemas.ts'

const json = (schema: object) => ({ 'application/json': { schema } })
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const answer = (description: string, name?: string) => ({
  description,
  ...(name !== undefined && { content: json(ref(name)) }),
})
const takes = (name: string) => ({ required: true, content: json(ref(name)) })
const named = (name: string, description: string) => ({
  ...{ name, in: 'path', required: true, description, schema: { type: 'string' } },
})

const REFUSALS = {
  401: answer('The key is missing or wrong.'),
  409: answer('The id is taken by a job with another input.', 'Failure'),
  413: answer('The body is larger than 1 MB.', 'Failure'),
  422: answer('The job is not valid; `detail` names each bad field.', 'Failure'),
  429: answer('The queue is full; come back after `Retry-After` seconds.', 'Failure'),
  503: answer('The worker is shutting down or cannot render.', 'Failure'),
}
const MISSING = { 404: answer('There is no such job, or no more.') }
const id = named('id', 'Id of the job')
const endpoint = named('endpoint', 'Anything: this worker is the only endpoint')
const runpod = (post: object) => ({ post: { tags: ['RunPod'], ...post } })
const probe = (summary: string, responses: object) => ({
  get: { tags: ['Probes'], security: [], summary, responses },
})

const paths = {
  '/jobs': {
    post: {
      ...{ tags: ['Jobs'], summary: 'Submit a job', requestBody: takes('Job') },
      responses: { 202: answer('Taken: poll it, or watch its events.', 'JobView'), ...REFUSALS },
    },
  },
  '/jobs/{id}': {
    get: {
      ...{ tags: ['Jobs'], summary: 'Ask for a job', parameters: [id] },
      responses: { 200: answer('Its state, and its result or error.', 'JobView'), ...MISSING },
    },
    delete: {
      ...{ tags: ['Jobs'], summary: 'Cancel a job', parameters: [id] },
      responses: { 200: answer('Its state now.', 'JobView'), ...MISSING },
    },
  },
  '/jobs/{id}/events': {
    get: {
      ...{ tags: ['Jobs'], summary: 'Watch a job: server-sent events, from the first on' },
      ...{ parameters: [id], responses: { 200: answer('text/event-stream'), ...MISSING } },
    },
  },
  '/generate': {
    post: {
      ...{ tags: ['Jobs'], summary: 'Do a job and answer when it is done; hanging up cancels it' },
      requestBody: takes('Job'),
      responses: {
        200: answer('Done.', 'Generated'),
        ...REFUSALS,
        500: answer('Failed.', 'Failure'),
      },
    },
  },
  '/files/{key}': {
    get: {
      ...{ tags: ['Jobs'], summary: 'A result of the directory store, in ranges if asked' },
      parameters: [named('key', 'Key of the result')],
      responses: {
        200: answer('The file.'),
        206: answer('A part of it.'),
        404: answer('Not there.'),
      },
    },
  },
  '/v2/{endpoint}/run': runpod({
    ...{ summary: 'Submit a job', parameters: [endpoint], requestBody: takes('Envelope') },
    responses: { 200: answer('Queued.', 'RunpodJob') },
  }),
  '/v2/{endpoint}/runsync': runpod({
    ...{ summary: 'Submit a job and wait for it', requestBody: takes('Envelope') },
    parameters: [endpoint, { name: 'wait', in: 'query', schema: { type: 'integer' } }],
    responses: { 200: answer('The job, done or not.', 'RunpodJob') },
  }),
  ...Object.fromEntries(
    (['status', 'status-sync', 'stream'] as const).map((name) => [
      `/v2/{endpoint}/${name}/{id}`,
      {
        get: {
          ...{ tags: ['RunPod'], parameters: [endpoint, id] },
          ...{ responses: { 200: answer('The job.', 'RunpodJob'), ...MISSING } },
        },
      },
    ]),
  ),
  '/v2/{endpoint}/cancel/{id}': runpod({
    ...{ parameters: [endpoint, id], responses: { 200: answer('Canceled.', 'RunpodJob') } },
  }),
  '/v2/{endpoint}/retry/{id}': runpod({
    ...{ parameters: [endpoint, id], responses: { 200: answer('Queued again.', 'RunpodJob') } },
  }),
  '/v2/{endpoint}/purge-queue': runpod({
    ...{ parameters: [endpoint], responses: { 200: answer('How many jobs were removed.') } },
  }),
  '/v2/{endpoint}/health': {
    get: {
      ...{ tags: ['RunPod'], parameters: [endpoint], responses: { 200: answer('Counts.') } },
    },
  },
  '/hc': probe('Alive', { 200: answer('Always.') }),
  '/health': probe('State, versions, engines', { 200: answer('Alive.'), 503: answer('Broken.') }),
  '/ready': probe('Whether jobs are taken', { 200: answer('Yes.'), 503: answer('Not now.') }),
  '/ping': probe('The same for RunPod load balancing', {
    ...{ 200: answer('Ready.'), 204: answer('Starting.'), 503: answer('Not now.') },
  }),
  '/metrics': probe('For Prometheus', { 200: answer('Its text format.') }),
}

/** The description of this API for programs, see pages/ for people. */
export function openapi(version: string): Hono {
  const app = new Hono()
  app.get('/openapi.json', (c) =>
    c.json({
      openapi: '3.1.0',
      info: { title: 'musetalk-worker', version },
      security: [{ key: [] }],
      paths,
      components: {
        securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
        schemas: { Job: jobJsonSchema(), ...schemas },
      },
    }),
  )
  return app
}
