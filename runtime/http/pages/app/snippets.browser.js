// The shown job as a program would send it, files included.

/**
 * @typedef {{ video_url?: string | undefined, audio_url?: string | undefined }} Files names of files that are sent first; absent where the
 *   job has an address
 */

const VARIABLES = /** @type {const} */ ({ video_url: 'video', audio_url: 'audio' })

/**
 * @param {string} language @param {Record<string, unknown>} job @param {Files} files @param {string} origin of the worker
 * @returns {string}
 */
export function writeSnippet(language, job, files, origin) {
  const uploads = Object.entries(files).flatMap(([field, name]) =>
    name === undefined
      ? []
      : [{ field, name, variable: VARIABLES[/** @type {keyof Files} */ (field)] }],
  )
  const write =
    language === 'typescript' ? writeTypeScript : language === 'python' ? writePython : writeCurl
  const rest = Object.fromEntries(
    Object.entries(job).filter(([name]) => uploads.every(({ field }) => field !== name)),
  )
  return write(rest, uploads, origin)
}

/** @typedef {{ field: string, name: string, variable: string }[]} Uploads */

/** The job as JSON, with expressions of the language in place of what is sent. */
function writeJob(
  /** @type {Record<string, unknown>} */ job,
  /** @type {Uploads} */ uploads,
  /** @type {(variable: string) => string} */ expression,
  escape = (/** @type {string} */ json) => json,
) {
  const mark = (/** @type {string} */ variable) => `<${variable} that was sent>`
  const sent = uploads.map(({ field, variable }) => [field, mark(variable)])
  const marked = { ...Object.fromEntries(sent), ...job }
  let json = escape(JSON.stringify(marked, null, 2))
  for (const { variable } of uploads)
    json = json.replace(`"${mark(variable)}"`, () => expression(variable))
  return json
}

/** @param {Record<string, unknown>} job @param {Uploads} uploads @param {string} origin */
const writeTypeScript = (job, uploads, origin) =>
  [
    `import { createClient } from 'musetalk-worker/client' // npm install musetalk-worker`,
    '',
    `const worker = createClient('${origin}', { key: process.env.API_KEY })`,
    ...uploads.map(
      ({ name, variable }) =>
        `const ${variable} = await worker.uploads.send(${JSON.stringify(name)})`,
    ),
    `const { id } = await worker.jobs.submit(${writeJob(job, uploads, (variable) => `${variable}.url`)})`,
    'const result = await worker.jobs.wait(id, { onEvent: ({ phase, progress }) => console.log(phase, progress) })',
    'console.log(result.output_url)',
  ].join('\n')

/** @param {Record<string, unknown>} job @param {Uploads} uploads @param {string} origin */
const writePython = (job, uploads, origin) =>
  [
    'import json, os, urllib.request',
    '',
    `WORKER = "${origin}"`,
    `HEADERS = {"authorization": f"Bearer {os.environ.get('API_KEY', '')}"}`,
    '',
    '',
    'def post(path, body, kind):',
    '    request = urllib.request.Request(WORKER + path, body, HEADERS | {"content-type": kind})',
    '    with urllib.request.urlopen(request) as response:  # urllib.error.HTTPError: its body says why',
    '        return json.load(response)',
    '',
    '',
    `job = json.loads(${pythonText(JSON.stringify(job, null, 2))})`,
    ...uploads.map(
      ({ field, name }) =>
        `job["${field}"] = post("/uploads", open(${JSON.stringify(name)}, "rb").read(), "application/octet-stream")["url"]`,
    ),
    'print(post("/generate", json.dumps(job).encode(), "application/json")["output_url"])',
  ].join('\n')

/** @param {string} text with line breaks */
const pythonText = (text) => `r"""${text}"""`

const quote = (/** @type {string} */ text) => `'${text.replaceAll("'", `'\\''`)}'`

/** @param {Record<string, unknown>} job @param {Uploads} uploads @param {string} origin */
function writeCurl(job, uploads, origin) {
  const key = `-H "authorization: Bearer $API_KEY"`
  const sent = uploads.map(
    ({ name, variable }) =>
      `${variable}=$(curl -sS ${key} -X POST -T ${quote(name)} ${origin}/uploads | grep -o 'upload:[^"]*')`,
  )
  const inQuotes = (/** @type {string} */ text) => text.replaceAll("'", `'\\''`)
  const json = writeJob(job, uploads, (variable) => `"'$${variable}'"`, inQuotes)
  return [
    ...sent,
    `curl -sS ${key} -H 'content-type: application/json' ${origin}/generate -d '${json}'`,
  ].join('\n')
}
