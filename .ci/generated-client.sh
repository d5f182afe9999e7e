#!/bin/bash
# A client that is generated from the API's description, against a worker: .ci/generated-client.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
work=$1 node=$PWD/node_modules/.bin/node main=$PWD/runtime/main.ts
mkdir -p "$work" && cd "$work" && echo '{ "type": "module" }' >package.json
npm install --silent --no-audit --no-fund openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3 @types/node@26.6.6
STORAGE=directory OUTPUT_DIR=out SCRATCH_DIR=scratch STATE_DIR=state CACHE_DIR=cache API_KEY='the key' HOST=127.0.0.1 PORT=0 "$node" "$main" serve 2>log &
worker=$!
trap 'kill $worker; wait $worker || true' EXIT
for _ in $(seq 60); do port=$(sed -n 's/.*worker.listening.*"port":\([0-9]*\).*/\1/p' log); [ -z "$port" ] || break; sleep 1; done
node_modules/.bin/openapi-typescript "http://127.0.0.1:$port/openapi.json" --default-non-nullable=false -o api.d.ts
cat >job.ts <<'TS'
import { readFileSync } from 'node:fs'
import createClient from 'openapi-fetch'
import type { paths } from './api.d.ts'

const [url, demo] = process.argv.slice(2) as [string, string]
const worker = createClient<paths>({ baseUrl: url, headers: { authorization: 'Bearer the key' } })
async function upload(name: string): Promise<string> {
  const headers = { 'content-type': 'application/octet-stream' }
  const body = readFileSync(`${demo}/${name}`) as unknown as string // what generators call binary
  const { data, error } = await worker.POST('/uploads', { headers, body, bodySerializer: (bytes) => bytes })
  if (!data) throw new Error(JSON.stringify(error))
  return data.url
}
const keyless = await createClient<paths>({ baseUrl: url }).GET('/jobs')
if (keyless.response.status !== 401 || !keyless.error) throw new Error('the key is not asked for')
const [video_url, audio_url] = [await upload('portrait.png'), await upload('speech.wav')]
const body = { video_url, audio_url, speech: { to: 1 } }
const { data, error } = await worker.POST('/jobs', { body })
if (!data) throw new Error(JSON.stringify(error))
const params = { path: { id: data.id } }
// Come while it renders; the last one ends them.
const events = await worker.GET('/jobs/{id}/events', { params, parseAs: 'stream' })
const types: string[] = []
for await (const part of events.data!.pipeThrough(new TextDecoderStream()))
  types.push(...[...part.matchAll(/^event: (\S+)$/gm)].map(([, type]) => type!))
if (types[0] === 'job.succeeded' || types.at(-1) !== 'job.succeeded') throw new Error(types.join())
const job = await worker.GET('/jobs/{id}', { params })
if (job.data?.result?.frames !== 25) throw new Error(JSON.stringify(job))
console.log(job.data.result.output_url)
TS
node_modules/.bin/tsc --noEmit --strict --target es2024 --module nodenext --skipLibCheck --allowImportingTsExtensions --types node job.ts
"$node" job.ts "http://127.0.0.1:$port" "$OLDPWD/demo"
