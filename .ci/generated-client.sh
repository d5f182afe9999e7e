#!/bin/bash
# A client that is generated from the API's description, against a worker: .ci/generated-client.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
work=$1 node=$PWD/node_modules/.bin/node main=$PWD/runtime/main.ts
mkdir -p "$work" && cd "$work" && echo '{ "type": "module" }' >package.json
npm install --silent --no-audit --no-fund openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3 @types/node@26.6.6
STORAGE=directory OUTPUT_DIR=out SCRATCH_DIR=scratch STATE_DIR=state CACHE_DIR=cache HOST=127.0.0.1 PORT=0 "$node" "$main" serve 2>log &
worker=$!
trap 'kill $worker; wait $worker || true' EXIT
for _ in $(seq 60); do port=$(sed -n 's/.*worker.listening.*"port":\([0-9]*\).*/\1/p' log); [ -z "$port" ] || break; sleep 1; done
node_modules/.bin/openapi-typescript "http://127.0.0.1:$port/openapi.json" --default-non-nullable=false -o api.d.ts
cat >job.ts <<'TS'
import { readFileSync } from 'node:fs'
import createClient from 'openapi-fetch'
import type { paths } from './api.d.ts'

const [url, demo] = process.argv.slice(2) as [string, string]
const worker = createClient<paths>({ baseUrl: url })
async function upload(name: string): Promise<string> {
  const response = await fetch(`${url}/uploads`, { method: 'POST', body: readFileSync(`${demo}/${name}`) })
  return ((await response.json()) as { url: string }).url
}
const body = { video_url: await upload('portrait.png'), audio_url: await upload('speech.wav') }
const { data, error } = await worker.POST('/jobs', { body })
if (!data) throw new Error(JSON.stringify(error))
const params = { path: { id: data.id } }
// Ends with the job.
const events = await worker.GET('/jobs/{id}/events', { params, parseAs: 'text' })
if (!events.data?.includes('job.succeeded')) throw new Error(events.data)
const job = await worker.GET('/jobs/{id}', { params })
if (job.data?.result?.frames !== 177) throw new Error(JSON.stringify(job))
console.log(job.data.result.output_url)
TS
node_modules/.bin/tsc --noEmit --strict --target es2024 --module nodenext --skipLibCheck --allowImportingTsExtensions --types node job.ts
"$node" job.ts "http://127.0.0.1:$port" "$OLDPWD/demo"
