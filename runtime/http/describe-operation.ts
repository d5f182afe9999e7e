import { describeRoute, resolver } from 'hono-openapi'
import type { MiddlewareHandler } from 'hono'
import * as v from 'valibot'

/** Groups of operations, in the order of the docs page. */
export const TAGS = {
  Jobs: 'This worker’s own API.',
  Uploads: 'Files that are sent before the jobs that name them; tus, or one request.',
  RunPod: 'RunPod’s endpoint API, as its clients see the platform.',
  'RunPod local': 'The same without an endpoint, as the local server of RunPod’s SDK has it.',
  'sync.so': 'sync.so’s API, as its SDKs speak it.',
  Probes: 'For platforms; they need no key.',
  Pages: 'For people, and the description of all this.',
} as const

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  description: string
  schema: { type: 'string' | 'integer' }
}

interface Operation {
  tag: keyof typeof TAGS
  summary: string
  parameters?: Parameter[]
  /** Schema of a JSON body. */
  body?: v.GenericSchema
  /** Media types of a body that is a file. */
  rawBody?: string[]
  responses: Record<number, object>
}

/** Says beside a route what it takes and answers; openapi.ts makes the document of it. */
export function describeOperation(operation: Operation): MiddlewareHandler {
  const { tag, summary, parameters, body, rawBody, responses } = operation
  const isPublic = tag === 'Probes' || tag === 'Pages'
  return describeRoute({
    tags: [tag],
    summary,
    ...(parameters && { parameters }),
    ...(body && {
      requestBody: { required: true, content: { 'application/json': jsonOf(body, 'input') } },
    }),
    ...(rawBody && {
      requestBody: { content: Object.fromEntries(rawBody.map((type) => [type, {}])) },
    }),
    ...(isPublic && { security: [] }),
    responses: {
      ...responses,
      ...(tag !== 'Probes' && GUARDED),
      ...(!isPublic && UNAUTHORIZED),
    },
  })
}

/** A response with a JSON body of that schema, or with none. */
export const response = (description: string, body?: v.GenericSchema) => ({
  description,
  ...(body && { content: { 'application/json': jsonOf(body, 'output') } }),
})

/** A response with a body that is not JSON. */
export const textResponse = (description: string, type: string) => ({
  description,
  content: { [type]: { schema: { type: 'string' } } },
})

export const pathParameter = (name: string, description: string): Parameter => ({
  ...{ name, in: 'path', required: true, description, schema: { type: 'string' } },
})
export const queryParameter = (name: string, description: string): Parameter => ({
  ...{ name, in: 'query', description, schema: { type: 'integer' } },
})
export const headerParameter = (name: string, description: string): Parameter => ({
  ...{ name, in: 'header', description, schema: { type: 'string' } },
})

/** Of every call that takes a job. */
export const IDEMPOTENCY_KEY = headerParameter(
  'Idempotency-Key',
  'The same key finds the same job for 24 hours; with another body it is refused',
)

/** A schema that stands once in the document, under that name. */
export const schemaComponent = <S extends v.GenericSchema>(name: string, schema: S) =>
  v.pipe(schema, v.metadata({ ref: name }))

const jsonOf = (schema: v.GenericSchema, typeMode: 'input' | 'output') => ({
  schema: resolver(schema, { options: { target: 'draft-2020-12', typeMode } }),
})

/** Of a request that is answered before anything looks at a job. */
export const ErrorBody = schemaComponent(
  'Error',
  v.object({
    error: v.object({ code: v.string(), message: v.string(), retryable: v.boolean() }),
  }),
)

const UNAUTHORIZED = { 401: response('The key is missing or wrong.', ErrorBody) }
/** What everything but a probe may answer. */
const GUARDED = {
  421: response('A browser knows this worker by a name that it does not have.', ErrorBody),
}
