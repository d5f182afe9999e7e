import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Hono } from 'hono'

interface Operation {
  responses: Record<string, { content?: Record<string, { schema?: { $ref?: string } }> }>
}
export interface OpenApi {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

export interface Answer {
  status: number
  type: string | null
  body: unknown
}

/** The description that an app gives of itself. */
export async function describedBy(app: Hono): Promise<OpenApi> {
  return (await (await app.request('http://worker.test/openapi.json')).json()) as OpenApi
}

/**
 * Compares answers with the description: the path, the status and the type of the body have to be in it, and a JSON
 * body has to fit its schema, with no field that the schema does not name.
 *
 * @returns what an answer has that is not described; undefined where all is
 */
export function compareWithDescription(api: OpenApi) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(withoutOtherFields({ $id: 'openapi', components: api.components }) as object)
  const compiled = new Map<object, ValidateFunction>()
  const validatorOf = (schema: object): ValidateFunction => {
    const known = compiled.get(schema)
    if (known) return known
    const absolute = JSON.stringify(withoutOtherFields(schema)).replaceAll('"#/', '"openapi#/')
    const validate = ajv.compile(JSON.parse(absolute) as object)
    compiled.set(schema, validate)
    return validate
  }

  return (method: string, path: string, { status, type, body }: Answer): string | undefined => {
    const operation = operationOf(api, method, path)
    if (!operation) return undefined // an unknown path, which a 404 answers
    const response = operation.responses[status]
    if (!response) return `${method} ${path}: the status ${status} is not described`
    if (type === null || !response.content) return undefined
    const content = response.content[type.split(';')[0]!]
    if (!content) return `${method} ${path}: ${status} with ${type} is not described`
    if (!content.schema || !type.includes('json')) return undefined
    const validate = validatorOf(content.schema)
    if (validate(body)) return undefined
    return `${method} ${path}: ${status}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(body)}`
  }
}

function operationOf(api: OpenApi, method: string, path: string): Operation | undefined {
  const [name] = path.split('?')
  for (const [template, operations] of Object.entries(api.paths)) {
    const pattern = template.replace('/files/{key}', '/files/.+').replaceAll(/\{\w+\}/g, '[^/]+')
    if (new RegExp(`^${pattern}$`).test(name!)) return operations[method.toLowerCase()]
  }
  return undefined
}

/** Forbids what a schema does not name, wherever it names anything. */
function withoutOtherFields(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutOtherFields)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, withoutOtherFields(value)]),
  )
  const isClosed = inner['type'] === 'object' && inner['additionalProperties'] === undefined
  return isClosed && inner['properties'] !== undefined
    ? { ...inner, additionalProperties: false }
    : inner
}
