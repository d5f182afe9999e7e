import { Hono } from 'hono'
import { generateSpecs } from 'hono-openapi'
import { jobJsonSchema } from '../../handler/job/job-schema.ts'
import { describeOperation, ErrorBody, response, TAGS } from './describe-operation.ts'

/** What every operation that changes something may answer. */
const WRITES = {
  responses: {
    403: response('A page of another site sent the request.', ErrorBody),
    415: response('A browser sent a body that is not JSON.', ErrorBody),
    500: response('A fault of the worker; its log says more.', ErrorBody),
  },
}

/**
 * The description of `app` for programs, made of what stands beside its routes.
 * @param withKey whether this worker asks for its key
 */
export function openapiRoute(app: Hono, version: string, withKey: boolean): Hono {
  const route = new Hono()
  const describe = describeOperation({
    tag: 'Pages',
    summary: 'This description',
    responses: { 200: { description: 'OpenAPI 3.1', content: { 'application/json': {} } } },
  })
  let document: Promise<object> | undefined // once all routes are there
  route.get('/openapi.json', describe, async (c) =>
    c.json(await (document ??= generateDocument(app, version, withKey))),
  )
  return route
}

async function generateDocument(app: Hono, version: string, withKey: boolean): Promise<object> {
  const specs = await generateSpecs(app, {
    documentation: {
      info: {
        title: 'musetalk-worker',
        version,
        license: { name: 'MIT', identifier: 'MIT' },
        description:
          'A face video and a speech recording in, the video speaking the recording out.',
      },
      servers: [{ url: '/' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      ...(withKey && { security: [{ key: [] }] }),
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    },
    excludeStaticFile: false,
    defaultOptions: { POST: WRITES, PATCH: WRITES, DELETE: WRITES },
  })
  // The schema that checks jobs says more of them than a type can.
  const { $schema: _draft, ...Job } = jobJsonSchema('draft-2020-12')
  const { components } = specs
  return { ...specs, components: { ...components, schemas: { ...components?.schemas, Job } } }
}
