#!/bin/sh
# Puts the bundle of a build argument into /bundles by the worker's own command; nothing for lite, which is in the repository.
# Usage: bundle.sh BUNDLE cpu|cuda PRECISION ALLOW_UNKNOWN, in the folder of the worker
set -eu
mkdir -p /bundles
name=$1 device=$2 precision=$3 allow_unknown=$4
case "$name" in
  lite) exit 0 ;;
  musetalk-v1.5) ;;
  *) echo "BUNDLE is \"$name\"; it must be lite or musetalk-v1.5" >&2; exit 2 ;;
esac
set -- --out "/bundles/$name" --from /checkpoints
if [ "$device" = cuda ]; then
  set -- "$@" --cuda
  [ "$precision" = auto ] && precision=fp16
fi
[ "$precision" = auto ] || set -- "$@" --precision "$precision"
[ "$allow_unknown" = true ] && set -- "$@" --allow-unknown
exec node runtime/main.ts bundle pull "$name" "$@"
