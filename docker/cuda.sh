#!/bin/sh
# Puts ONNX Runtime's CUDA provider into /cuda/provider and the libraries that it loads into /cuda/lib; nothing for a CPU.
# Usage: cuda.sh cpu|cuda
set -eu
mkdir -p /cuda/provider /cuda/lib
case "$1" in
  cpu) exit 0 ;;
  cuda) ;;
  *) echo "DEVICE is \"$1\"; it must be cpu or cuda" >&2; exit 2 ;;
esac
[ "$(uname -m)" = x86_64 ] || { echo "DEVICE=cuda is for x86-64; this is $(uname -m)" >&2; exit 2; }

apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-pip unzip >/dev/null
work=$(mktemp -d)
pip download --quiet --no-deps --only-binary=:all: --require-hashes -d "$work" -r "$(dirname "$0")/cuda-requirements.txt"
for wheel in "$work"/*.whl; do unzip -q -o "$wheel" '*.so*' -d "$work/all"; rm "$wheel"; done
mv "$work"/all/onnxruntime/capi/libonnxruntime_providers_shared.so \
   "$work"/all/onnxruntime/capi/libonnxruntime_providers_cuda.so /cuda/provider
# cufftw and nvblas imitate other libraries; nothing here loads them.
rm -f "$work"/all/nvidia/cu13/lib/libcufftw.so* "$work"/all/nvidia/cu13/lib/libnvblas.so*
mv "$work"/all/nvidia/cu13/lib/*.so* "$work"/all/nvidia/cudnn/lib/*.so* /cuda/lib
rm -rf "$work"
