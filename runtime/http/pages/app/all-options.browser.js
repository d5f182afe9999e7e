// Every field that a job may have, as the worker itself describes it: a field that is new there appears here.

import { block, create } from './dom.browser.js'

/**
 * @typedef {{ type?: string, enum?: unknown[], const?: unknown, anyOf?: Schema[] | undefined, default?: unknown, description?: string,
 *   minimum?: number, maximum?: number, properties?: Record<string, Schema> }} Schema
 * @typedef {{ path: string[], read(): unknown }} Field
 */

/** What is chosen above, and other names of that. */
const ELSEWHERE =
  /^(video|audio)(_url|_base64)?$|^musetalk_job_id$|^sync_mode$|^length$|^silence$|^mask$/

/** @returns {{ ready: Promise<void>, read(): Record<string, any> }} `read` throws what is no JSON, by the field's name */
export function createAllOptions() {
  /** @type {Field[]} */
  let fields = []
  async function build() {
    const api = await (await fetch('/openapi.json')).json()
    const built = buildFields(api.components.schemas.Job)
    fields = built.fields
    block('all-options').append(...built.nodes)
  }
  return { ready: build().catch(() => {}), read: () => readFields(fields) }
}

/** @param {Schema} job */
function buildFields(job) {
  /** @type {Field[]} */
  const fields = []
  /** @param {Schema} schema @param {string[]} path @returns {Node[]} */
  const build = (schema, path) =>
    Object.entries(schema.properties ?? {})
      .filter(([name]) => path.length > 0 || !ELSEWHERE.test(name))
      .map(([name, given]) => {
        const field = withoutNull(given)
        const at = [...path, name]
        if (field.properties) {
          const legend = create('legend', {}, sentence(name, field))
          return create('fieldset', {}, legend, ...build(field, at))
        }
        const input = controlFor(field)
        fields.push({ path: at, read: () => valueOf(input, at.join('.')) })
        input.dataset['path'] = at.join('.')
        return create('label', {}, sentence(name, field), ' ', input)
      })
  return { nodes: build(job, []), fields }
}

/** What may be null may as well be left away. @param {Schema} schema @returns {Schema} */
function withoutNull(schema) {
  const kinds = schema.anyOf?.filter(({ type }) => type !== 'null') ?? []
  return kinds.length === 1 ? { ...schema, anyOf: undefined, ...kinds[0] } : schema
}

/** @param {string} name @param {Schema} schema */
function sentence(name, { description }) {
  return create(
    'span',
    {},
    create('code', { textContent: name }),
    ...(description ? [` ${description}`] : []),
  )
}

/** @param {Schema} schema @returns {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} */
function controlFor(schema) {
  const { type, enum: values, const: only, minimum, maximum } = schema
  const unset = schema.default === undefined ? 'not set' : JSON.stringify(schema.default)
  const choices = values ?? (only === undefined ? type === 'boolean' && [true, false] : [only])
  if (choices) {
    const first = create('option', { value: '', textContent: `${unset}, where nothing is chosen` })
    const rest = choices.map((choice) =>
      create('option', { value: JSON.stringify(choice), textContent: String(choice) }),
    )
    return create('select', {}, first, ...rest)
  }
  if (type === 'number' || type === 'integer') {
    const step = type === 'integer' ? '1' : 'any'
    return create('input', {
      ...{ type: 'number', step, placeholder: unset },
      ...(minimum !== undefined && { min: String(minimum) }),
      ...(maximum !== undefined && { max: String(maximum) }),
    })
  }
  if (type === 'string') return create('input', { type: 'text', placeholder: unset })
  return create('textarea', { rows: 2, placeholder: `JSON; ${unset}`, spellcheck: false })
}

/** @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} input @param {string} name */
function valueOf(input, name) {
  const text = input.value.trim()
  if (text === '') return undefined
  if (input instanceof HTMLInputElement) return input.type === 'number' ? Number(text) : text
  try {
    return JSON.parse(text)
  } catch {
    if (!/^[[{"]/.test(text)) return text // a word, or an address
    throw new Error(`${name}: that is not JSON`)
  }
}

/** What is set, in its place. @param {Field[]} fields */
export function readFields(fields) {
  /** @type {Record<string, any>} */
  const job = {}
  for (const { path, read } of fields) {
    const value = read()
    if (value === undefined) continue
    let place = job
    for (const name of path.slice(0, -1)) place = place[name] ??= {}
    place[path.at(-1) ?? ''] = value
  }
  return job
}

/**
 * A job to be watched while it is rendered, where nothing asks for a file that cannot be.
 * @param {Record<string, any>} job
 */
export function withStream(job) {
  const { stream, ...output } = job['output'] ?? {}
  const cannot = output.lossless === true || output.format !== undefined
  const streams = stream ?? (cannot ? undefined : true)
  return { ...job, output: { ...output, ...(streams !== undefined && { stream: streams }) } }
}
