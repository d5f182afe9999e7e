#!/bin/sh
# Fails where a library that the CUDA provider needs is absent from this image. The driver's own comes with the GPU.
# Usage: check-cuda.sh cpu|cuda FOLDER_OF_PROVIDER
set -eu
[ "$1" = cuda ] || exit 0
echo /opt/cuda/lib >/etc/ld.so.conf.d/cuda.conf
ldconfig
missing=$(ldd "$2"/libonnxruntime_providers_cuda.so /opt/cuda/lib/*.so* | awk '/not found/ && $1 != "libcuda.so.1" { print $1 }' | sort -u)
# These are opened by name while a graph runs, so no other library lists them.
for name in libcudnn.so.9 libcudnn_graph.so.9 libcudnn_engines_precompiled.so.9 libcufft.so.12 libnvrtc.so.13; do
  [ -e "/opt/cuda/lib/$name" ] || missing="$missing $name"
done
[ -z "$missing" ] || { echo "the CUDA provider needs what is not here: $missing" >&2; exit 1; }
