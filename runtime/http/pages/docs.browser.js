// The page about the API: every operation of /openapi.json, what it takes and answers, and a button that sends it.

/**
 * @typedef {{ $ref?: string, type?: string | string[], enum?: unknown[], const?: unknown, description?: string,
 *   properties?: Record<string, Schema>, required?: string[] }} Schema
 * @typedef {{ content?: Record<string, { schema?: Schema }>, description?: string }} Content
 * @typedef {{ tags: string[], summary?: string, requestBody?: Content, responses: Record<string, Content> }} Operation
 * @typedef {{ info: { version: string }, components: { schemas: Record<string, Schema> },
 *   paths: Record<string, Record<string, Operation>> }} Api
 */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {object} properties
 * @param {(Node | string)[]} children
 */
function create(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  Object.assign(element, properties)
  element.append(...children)
  return element
}

/** What stands in the body field at first. */
function exampleOf(/** @type {Schema} */ schema) {
  const job = {
    video_url: 'https://example.com/face.mp4',
    audio_url: 'https://example.com/speech.wav',
  }
  return schema.$ref?.endsWith('/Envelope') ? { input: job } : job
}

/** One line for each field of a request. */
function listFields(/** @type {Api} */ api, /** @type {Schema} */ schema) {
  const name = schema.$ref?.split('/').at(-1) ?? ''
  const { properties = {}, required = [] } = api.components.schemas[name] ?? schema
  return Object.entries(properties).map(([field, { type, enum: values, description }]) => {
    const kind = values?.join(' | ') ?? type
    const about = [kind, description].filter(Boolean).join(' – ')
    return `${field}${required.includes(field) ? ' (required)' : ''}: ${about}`
  })
}

/** Sends the request that a form describes, and shows the answer while it comes. */
async function send(
  /** @type {string} */ method,
  /** @type {string} */ path,
  /** @type {string | undefined} */ body,
  /** @type {HTMLElement} */ output,
) {
  output.hidden = false
  output.textContent = '…'
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(path, { method, headers, ...(body !== undefined && { body }) })
  output.textContent = `${response.status} ${response.statusText}\n\n`
  const type = response.headers.get('content-type') ?? ''
  if (!response.body || !/json|text/.test(type)) return
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    output.textContent += part.value
  }
}

function renderOperation(
  /** @type {Api} */ api,
  /** @type {string} */ path,
  /** @type {string} */ method,
  /** @type {Operation} */ { summary, requestBody, responses },
) {
  const schema = requestBody?.content?.['application/json']?.schema
  const pathInput = create('input', {
    value: path.replace('{endpoint}', 'local'),
    ariaLabel: 'Path',
  })
  const bodyInput = schema
    ? create('textarea', { value: JSON.stringify(exampleOf(schema), null, 2), ariaLabel: 'Body' })
    : undefined
  const output = create('pre', { hidden: true })
  const onclick = () =>
    send(method.toUpperCase(), pathInput.value, bodyInput?.value, output).catch((error) => {
      output.textContent = String(error)
    })
  const answers = Object.entries(responses).map(
    ([status, { description }]) => `${status}  ${description}`,
  )
  return create(
    'details',
    {},
    create(
      'summary',
      {},
      create('span', { className: 'method', textContent: method.toUpperCase() }),
      create('code', { textContent: path }),
      create('span', { className: 'summary', textContent: summary ?? '' }),
    ),
    ...(schema ? [create('pre', { textContent: listFields(api, schema).join('\n') })] : []),
    create('pre', { textContent: answers.join('\n') }),
    pathInput,
    ...(bodyInput ? [bodyInput] : []),
    create('button', { textContent: 'Send', onclick }),
    output,
  )
}

/** @type {Api} */
const api = await fetch('/openapi.json').then((response) => response.json())
const version = document.getElementById('version')
if (version) version.textContent = `version ${api.info.version}`
const sections = new Map()
for (const [path, operations] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(operations)) {
    const [tag = ''] = operation.tags
    if (!sections.has(tag)) {
      const heading = create('h2', { textContent: tag })
      sections.set(tag, create('section', { className: 'card' }, heading))
    }
    sections.get(tag).append(renderOperation(api, path, method, operation))
  }
}
document.querySelector('main')?.append(...sections.values())
