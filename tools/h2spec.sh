#!/bin/sh
# Builds h2spec, the HTTP/2 conformance tester, into .tools/bin. Needs Go and the Go module proxy.
set -eu
cd "$(dirname "$0")/.."
mkdir -p .tools/bin
[ -x .tools/bin/h2spec ] || GOBIN="$PWD/.tools/bin" go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
