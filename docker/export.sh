#!/bin/sh
# Makes the bundle of a build argument in /bundles; nothing for lite, which is in the repository.
# Usage: export.sh BUNDLE cpu|cuda PRECISION ALLOW_UNKNOWN, in the folder that holds musetalk_export
set -eu
mkdir -p /bundles
case "$1" in
  lite) exit 0 ;;
  musetalk-v1.5) ;;
  *) echo "BUNDLE is \"$1\"; it must be lite or musetalk-v1.5" >&2; exit 2 ;;
esac
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
# What is missing is said before gigabytes are installed.
python3 -m musetalk_export.layout /checkpoints
python3 -m venv /venv
/venv/bin/pip install --quiet --no-cache-dir --require-hashes -r musetalk_export/requirements.txt
set -- "$1" "$2" "$3" "$4" --checkpoints /checkpoints --out "/bundles/$1" --precision "$3"
[ "$2" = cuda ] && set -- "$@" --cuda
[ "$4" = true ] && set -- "$@" --allow-unknown
shift 4
/venv/bin/python -m musetalk_export "$@"
