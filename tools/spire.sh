#!/bin/sh
# Builds SPIRE's server and agent into .tools/bin. Needs the Go module proxy, and a C compiler: the server's store
# is SQLite. Takes minutes, and 2 GB of memory, the first time.
set -eu
cd "$(dirname "$0")/.."
[ -x .tools/bin/spire-server ] && [ -x .tools/bin/spire-agent ] && exit
go=$(tools/go.sh)
mkdir -p .tools/bin
# Go itself looks up names and users: so what is built without C for one of them is of use to the other.
GOBIN="$PWD/.tools/bin" CGO_ENABLED=1 "$go" install -tags netgo,osusergo -ldflags "-s -w" \
  github.com/spiffe/spire/cmd/spire-server@v1.13.3 github.com/spiffe/spire/cmd/spire-agent@v1.13.3
