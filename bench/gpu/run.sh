#!/bin/bash
# What MuseTalk costs on this machine's card: run.sh FOLDER_OF_PARTS [cuda|cpu]. Needs no network.
# Puts the kit together, draws random checkpoints of the official shapes, makes the bundle from them, then
# prints self-test and parity of each graph, frames per second by batch (and PyTorch's beside them), the cost of
# a new shape, memory, and whole jobs with the share of time that the card is busy. Writes FOLDER/results.{json,md}.
# `cpu` tries the script itself with narrow checkpoints where there is no card; its figures mean nothing.
set -euo pipefail
parts=$(realpath "$1") device=${2:-cuda}
began=$SECONDS
say() { echo "[$((SECONDS - began)) s] $*"; }
root=${KIT_ROOT:-/tmp/musetalk-gpu}
mkdir -p "$root"
if [ ! -e "$root/.unpacked" ]; then
  (cd "$parts" && sha256sum --quiet -c SHA256SUMS)
  cat "$parts"/part-* | xz -dc -T0 | tar -xf - -C "$root"
  touch "$root/.unpacked"
  say "unpacked $(cat "$root/musetalk/REVISION")"
fi
cd "$root/musetalk"
node=$PWD/tools/node python=${PYTHON:-python3}
export FFMPEG_PATH=$PWD/tools/ffmpeg ORT_DISABLE_TELEMETRY=1 CACHE_DIR=$root/cache SCRATCH_DIR=$root/scratch
# The CUDA libraries are those of PyTorch's wheels.
LD_LIBRARY_PATH=$("$python" - <<'PY'
import glob, os, site, sys
folders = [os.path.dirname(p) for s in {*site.getsitepackages(), *sys.path} for p in glob.glob(f'{s}/nvidia/*/lib/*.so*')]
print(':'.join(dict.fromkeys(folders)))
PY
):${LD_LIBRARY_PATH:-}
export LD_LIBRARY_PATH
if [ "$device" = cuda ]; then
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  set=full flags=(--cuda)
else
  set=tiny flags=()
fi

checkpoints=$root/checkpoints-$set bundle=$root/bundle-$set
if [ ! -e "$checkpoints/.made" ]; then
  "$python" test/golden/tools/make_checkpoints.py --set "$set" --out "$checkpoints"
  "$python" test/golden/tools/make_checkpoints.py --set dwpose --out "$checkpoints"
  touch "$checkpoints/.made"
  say 'random checkpoints'
fi
if [ ! -e "$bundle/manifest.json" ]; then
  "$node" runtime/main.ts bundle pull musetalk-v1.5 --from "$checkpoints" --allow-unknown --out "$bundle" "${flags[@]}"
  say 'bundle'
fi

"$node" bench/gpu/measure-graphs.ts "$bundle" "$device" >"$parts/graphs.json"
say 'graphs'
if [ "$device" = cuda ]; then
  "$python" -m pip install -q --no-index --no-deps --no-compile --target "$root/site" tools/wheels/*.whl 2>/dev/null || true
  PYTHONPATH=$root/site:models/export "$python" bench/gpu/torch_baseline.py "$checkpoints" >"$parts/torch.json" ||
    echo '{}' >"$parts/torch.json"
  say 'PyTorch'
else
  echo '{}' >"$parts/torch.json"
fi
"$node" bench/gpu/measure-jobs.ts "$bundle" "$device" >"$parts/jobs.json"
say 'jobs'
"$node" bench/gpu/report.ts "$parts" | tee "$parts/results.md"
say 'done'
