import { STYLE } from './style.ts'

const SCRIPT = `
const node = (name, props = {}, ...children) => {
  const element = Object.assign(document.createElement(name), props)
  element.append(...children)
  return element
}
const example = (schema) => schema?.$ref?.endsWith('Envelope')
  ? { input: example({ $ref: 'Job' }) }
  : { video_url: 'https://example.com/face.mp4', audio_url: 'https://example.com/speech.wav' }
const fields = (api, schema) => {
  const { properties = {}, required = [] } = api.components.schemas[schema.$ref.split('/').at(-1)]
  return Object.entries(properties).map(([name, { type, enum: values, description }]) =>
    name + (required.includes(name) ? ' (required)' : '') + ': ' + [type ?? values?.join(' | '), description].filter(Boolean).join(' – '))
}
const entry = (api, path, method, operation) => {
  const schema = operation.requestBody?.content['application/json'].schema
  const where = node('input', { value: path.replace('{endpoint}', 'local'), ariaLabel: 'Path' })
  const body = schema && node('textarea', { value: JSON.stringify(example(schema), null, 2), ariaLabel: 'Body' })
  const answer = node('pre', { hidden: true })
  const send = node('button', { textContent: 'Send', onclick: async () => {
    answer.hidden = false; answer.textContent = '…'
    const headers = body ? { 'content-type': 'application/json' } : {}
    const response = await fetch(where.value, { method, headers, body: body?.value })
    answer.textContent = response.status + ' ' + response.statusText + '\\n\\n'
    const decoder = new TextDecoder()
    if (!/json|text/.test(response.headers.get('content-type') ?? '')) return
    for await (const chunk of response.body) answer.textContent += decoder.decode(chunk, { stream: true })
  } })
  const answers = Object.entries(operation.responses).map(([status, { description }]) => status + '  ' + description)
  return node('details', {},
    node('summary', {}, node('span', { className: 'tag', textContent: method.toUpperCase() }), node('code', { textContent: path }), operation.summary ? ' – ' + operation.summary : ''),
    ...(schema ? [node('pre', { textContent: fields(api, schema).join('\\n') })] : []),
    node('pre', { textContent: answers.join('\\n') }), where, ...(body ? [body] : []), send, answer)
}
const api = await fetch('/openapi.json').then((r) => r.json())
document.getElementById('version').textContent = 'version ' + api.info.version
const groups = new Map()
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const tag = operation.tags[0]
    if (!groups.has(tag)) groups.set(tag, node('section', { className: 'card' }, node('h2', { textContent: tag })))
    groups.get(tag).append(entry(api, path, method, operation))
  }
}
document.querySelector('main').append(...groups.values())
`

/** Every endpoint with what it takes and answers, and a button that sends it. */
export const DOCS = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>musetalk-worker API</title>
<style>${STYLE}</style>
<main>
  <h1>API</h1>
  <p><span id="version"></span> · <a href="/">Try a job</a> · <a href="/openapi.json">openapi.json</a></p>
</main>
<script type="module">${SCRIPT}</script>
</html>
`
