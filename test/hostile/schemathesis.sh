#!/bin/bash
# schemathesis.sh PROGRAM FOLDER SECONDS: has schemathesis ask a worker whatever its description allows, and what it
# does not. Left out: requests that wait for a job, and whether all that fits the schema is taken, for a schema does not
# say that of three ways to name an input one is to be given.
set -u
cd "$(dirname "$0")/../.."
program=$1 folder=$2 seconds=$3 key=schemathesis-key
mkdir -p "$folder"
env -i PATH="$PATH" HOME="$folder" PORT=0 HOST=127.0.0.1 API_KEY=$key QUEUE_LIMIT=1000 OUTPUT_DIR="$folder/out" \
  SCRATCH_DIR="$folder/scratch" ${FFMPEG_PATH:+FFMPEG_PATH="$FFMPEG_PATH"} \
  node_modules/.bin/node runtime/main.ts serve 2>"$folder/log" &
worker=$!
trap 'kill "$worker" 2>/dev/null; wait "$worker"' EXIT
port=
until [ -n "$port" ] && curl -sf "127.0.0.1:$port/ready" >/dev/null; do
  kill -0 "$worker" || { tail -3 "$folder/log"; exit 1; }
  port=$(sed -n 's/.*worker\.listening.*"port":\([0-9]*\).*/\1/p' "$folder/log" | head -1)
  sleep 0.2
done
cd "$folder" || exit 1
ask() {
  "$program" run "http://127.0.0.1:$port/openapi.json" -H "Authorization: Bearer $key" --max-time $((seconds / 2)) \
    --request-timeout 30 --phases examples,coverage,fuzzing --continue-on-failure --exclude-method PATCH "$@"
}
waiting='events|stream|runsync|status-sync|generate|video' runpod='^/(v2/.*|run|status/.*|cancel/.*)$'
ask --exclude-path-regex "$waiting|$runpod" --exclude-checks positive_data_acceptance
first=$?
# RunPod's platform takes any input, and the job fails.
ask --include-path-regex "$runpod" --exclude-path-regex "$waiting" \
  --exclude-checks positive_data_acceptance,negative_data_rejection && [ "$first" -eq 0 ]
