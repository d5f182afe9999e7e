import { Validator } from '@seriousme/openapi-schema-validator'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  compareWithDescription,
  describedBy,
  type OpenApi,
} from '../../helpers/servers/described-responses.ts'
import { heldApp } from '../../helpers/servers/http-app.ts'

const { app } = heldApp({ files: '/nowhere' })
let api: OpenApi
beforeAll(async () => {
  api = await describedBy(app)
})

const METHODS = new Set(['GET', 'POST', 'PATCH', 'DELETE'])
const described = () =>
  Object.entries(api.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )

describe('/openapi.json', () => {
  test('is a valid OpenAPI document', async () => {
    expect(await new Validator().validate({ ...structuredClone(api) })).toEqual({ valid: true })
  })

  test('asks for a key only where the worker does', async () => {
    expect(api).not.toHaveProperty('security')
    const { get } = heldApp({ apiKey: 'secret' })
    const headers = { authorization: 'Bearer secret' }
    expect((await get('/openapi.json', { headers })).body.security).toEqual([{ key: [] }])
  })

  test('describes every route that answers, and no other', () => {
    const served = app.routes
      .filter(({ method }) => METHODS.has(method))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`)
    expect(new Set(described())).toEqual(new Set(served))
  })

  test('is answered by the program, operation for operation', async () => {
    for (const operation of described()) {
      const [method, template] = operation.split(' ') as [string, string]
      const path = template.replaceAll(/\{\w+\}/g, 'x')
      const response = await app.request(`http://worker.test${path}`, { method })
      expect(Object.keys(api.paths[template]![method.toLowerCase()]!.responses)).toContain(
        String(response.status),
      )
      expect(await response.text(), operation).not.toContain('there is nothing here')
    }
  })

  test('refers only to schemas that it has, and has none that nothing refers to', () => {
    const refs = JSON.stringify(api).matchAll(/#\/components\/schemas\/(\w+)/g)
    const used = new Set([...refs].map(([, name]) => name))
    expect(used).toEqual(new Set(Object.keys(api.components.schemas)))
  })

  test('has the job as the check has it, in the dialect of OpenAPI 3.1', () => {
    const { Job } = api.components.schemas as { Job: { properties: Record<string, object> } }
    expect(Job).toMatchObject({ type: 'object', additionalProperties: false })
    expect(Object.keys(Job.properties)).toEqual(
      expect.arrayContaining(['video_url', 'audio_url', 'face', 'output']),
    )
    expect(JSON.stringify(Job)).not.toMatch(/"items":\[/) // a list of schemas is draft 7's
  })
})

describe('a comparison with the description', () => {
  const answer = { status: 200, type: 'application/json', body: { id: 'a', status: 'IN_QUEUE' } }

  test('finds a status, a type and a field that are not described', () => {
    const compare = compareWithDescription(api)
    expect(compare('POST', '/run', answer)).toBeUndefined()
    expect(compare('POST', '/run', { ...answer, status: 418 })).toContain('418')
    expect(compare('POST', '/run', { ...answer, type: 'text/html' })).toContain('text/html')
    const body = { ...answer.body, more: 1 }
    expect(compare('POST', '/run', { ...answer, body })).toContain('additional properties')
    expect(compare('POST', '/run', { ...answer, body: { id: 'a' } })).toContain('status')
  })
})
