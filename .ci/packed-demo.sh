#!/bin/bash
# `npx musetalk-worker demo` of the packed package on a machine that has Node alone: .ci/packed-demo.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
work=$1 arch=$(node -p process.arch)
newer=$(dirname "$(node_modules/.bin/node -p process.execPath)")
mkdir -p "$work/empty" "$work/installed"
npm pack --silent --ignore-scripts=false --pack-destination "$work" >/dev/null
package=$(ls "$work"/musetalk-worker-*.tgz)
# Two dependencies download from hosts of their own, which the demo does not need.
export npm_config_ignore_scripts=true npm_config_audit=false npm_config_fund=false
# shows COMMAND…: the last line that it prints is a video
shows() {
  local video
  video=$("$@" | tee /dev/stderr | tail -1)
  [ "$(head -c 8 "$video" | tail -c 4)" = ftyp ] || { echo "packed demo: $video is no video"; return 1; }
}

(cd "$work/empty" && PATH=$newer:$PATH shows npx --yes --package "$package" musetalk-worker demo)

# An older Node starts the newer one that comes with the package; without that it says what it needs.
cd "$work/installed" && npm init -y >/dev/null && npm install --silent "$package" "older@npm:node-linux-$arch@20.8.0"
older=$work/installed/node_modules/older/bin/node program=node_modules/musetalk-worker/bin/musetalk-worker.mjs
shows "$older" "$program" demo
rm -r "node_modules/node-linux-$arch"
said=$("$older" "$program" demo 2>&1) && { echo 'packed demo: ran on Node 20'; exit 1; }
[ "$said" = 'musetalk-worker: Node 20.8.0 found, 26 or newer is needed' ] || { echo "packed demo: said $said"; exit 1; }
