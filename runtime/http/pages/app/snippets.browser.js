// The shown job as a program would send it.

const quote = (/** @type {string} */ text) => `'${text.replaceAll("'", `'\\''`)}'`

/**
 * @param {string} language @param {object} job @param {string} origin of the worker
 * @returns {string}
 */
export function writeSnippet(language, job, origin) {
  const json = JSON.stringify(job, null, 2)
  switch (language) {
    case 'typescript':
      return `const response = await fetch('${origin}/generate', {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: \`Bearer \${process.env.API_KEY}\` },
  body: JSON.stringify(${json.replaceAll('\n', '\n  ')}),
})
const result = await response.json()
console.log(result.output_url)`
    case 'python':
      return `import json, os, urllib.request

job = json.loads(${JSON.stringify(JSON.stringify(job))})
request = urllib.request.Request(
    "${origin}/generate",
    data=json.dumps(job).encode(),
    headers={"content-type": "application/json", "authorization": f"Bearer {os.environ.get('API_KEY', '')}"},
)
with urllib.request.urlopen(request) as response:
    print(json.load(response)["output_url"])`
    default:
      return `curl -s ${origin}/generate -H 'content-type: application/json' -H "authorization: Bearer $API_KEY" \\
  -d ${quote(json)}`
  }
}
