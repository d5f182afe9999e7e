// The page about the API: every operation of /openapi.json, what it takes and answers, and a button that sends it.

import { create } from './app/dom.browser.js'
import { request, uploadFile } from './app/worker-client.browser.js'

/**
 * @typedef {{ $ref?: string, type?: string | string[], enum?: unknown[], const?: unknown, description?: string,
 *   properties?: Record<string, Schema>, required?: string[] }} Schema
 * @typedef {{ content?: Record<string, { schema?: Schema }>, description?: string }} Content
 * @typedef {{ name: string, in: string, description?: string }} Parameter
 * @typedef {{ tags: string[], summary?: string, parameters?: Parameter[], requestBody?: Content, responses: Record<string, Content> }} Operation
 * @typedef {{ info: { version: string }, tags: { name: string, description: string }[], components: { schemas: Record<string, Schema> },
 *   paths: Record<string, Record<string, Operation>> }} Api
 */

/** What stands for the files that come with the worker; they are sent to it first. */
const DEMO = { 'upload:demo-portrait': 'portrait.png', 'upload:demo-speech': 'speech.wav' }

/** What stands in the body field at first, and can be sent as it is. */
function exampleOf(/** @type {Schema} */ schema) {
  const [video_url, audio_url] = Object.keys(DEMO)
  const job = { video_url, audio_url }
  return schema.$ref?.endsWith('/Envelope') ? { input: job } : job
}

/** One line for each field of a request. */
function listFields(/** @type {Api} */ api, /** @type {Schema} */ schema) {
  const name = schema.$ref?.split('/').at(-1) ?? ''
  const { properties = {}, required = [] } = api.components.schemas[name] ?? schema
  return Object.entries(properties).map(
    ([field, { $ref, type, enum: values, const: only, description }]) => {
      const kind = values?.join(' | ') ?? JSON.stringify(only) ?? type ?? $ref?.split('/').at(-1)
      const about = [kind, description]
        .filter((part) => typeof part === 'string' && part)
        .join(': ')
      return `${field}${required.includes(field) ? ' (required)' : ''} ${about && '– '}${about}`
    },
  )
}

/** @param {string} title @param {string[]} lines */
const listing = (title, lines) =>
  create(
    'div',
    {},
    create('h3', { textContent: title }),
    create('pre', { textContent: lines.join('\n') }),
  )

/** @param {Parameter} parameter */
const describeParameter = ({ name, in: place, description = '' }) =>
  `${name} (${place}): ${description}`

const lineCount = (/** @type {string} */ text) => text.split('\n').length

/** A body whose demo files are at the worker. @param {string} body */
async function sendDemoFiles(body) {
  let text = body
  for (const [word, name] of Object.entries(DEMO)) {
    if (!text.includes(word)) continue
    const file = await (await fetch(`/assets/${name}`)).blob()
    text = text.replaceAll(word, await uploadFile(file, () => {}))
  }
  return text
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
  const response = await request(path, { method, headers, ...(body !== undefined && { body }) })
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
  /** @type {Operation} */ { summary, parameters, requestBody, responses },
) {
  const schema = requestBody?.content?.['application/json']?.schema
  const pathInput = create('input', { value: path.replace('{endpoint}', 'local') })
  const example = schema && JSON.stringify(exampleOf(schema), null, 2)
  const bodyInput = example && create('textarea', { value: example, rows: lineCount(example) })
  const output = create('pre', { hidden: true })
  async function sendShown() {
    if (bodyInput) bodyInput.value = await sendDemoFiles(bodyInput.value)
    await send(
      method.toUpperCase(),
      pathInput.value,
      bodyInput ? bodyInput.value : undefined,
      output,
    )
  }
  const onclick = () =>
    sendShown().catch((error) => {
      output.hidden = false
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
    ...(parameters ? [listing('Parameters', parameters.map(describeParameter))] : []),
    ...(schema ? [listing('Body', listFields(api, schema))] : []),
    listing('Answers', answers),
    create('label', {}, 'Path to send to', pathInput),
    ...(bodyInput ? [create('label', {}, 'Body to send', bodyInput)] : []),
    create('button', { textContent: 'Send', onclick }),
    output,
  )
}

/** @type {Api} */
const api = await fetch('/openapi.json').then((response) => response.json())
const version = document.getElementById('version')
if (version) version.textContent = `version ${api.info.version}`
const sections = new Map(
  api.tags.map(({ name, description }) => {
    const heading = create('h2', { textContent: name })
    const about = create('p', { textContent: description })
    return [name, create('section', { className: 'card' }, heading, about)]
  }),
)
for (const [path, operations] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(operations)) {
    sections.get(operation.tags[0] ?? '')?.append(renderOperation(api, path, method, operation))
  }
}
document.querySelector('main')?.append(...sections.values())
