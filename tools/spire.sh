#!/bin/sh
# Builds SPIRE's server and agent into .tools/bin, without their plugins for clouds: those take by far the longest
# to compile. Needs the Go module proxy, and a C compiler: the server's store is SQLite.
set -eu
cd "$(dirname "$0")/.."
[ -x .tools/bin/spire-server ] && [ -x .tools/bin/spire-agent ] && exit
go=$(tools/go.sh)
mkdir -p .tools/bin
source=$("$go" mod download -json github.com/spiffe/spire@v1.13.3 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
rm -rf .tools/spire
cp -R "$source" .tools/spire
chmod -R u+w .tools/spire
cd .tools/spire
# Of what is built in, these stay; a plugin is a line of imports and a line of the list.
kept='jointoken|disk|memory|uniqueid|unix'
for catalog in pkg/server/catalog pkg/agent/catalog; do
  for file in bundlepublisher keymanager nodeattestor notifier svidstore upstreamauthority workloadattestor; do
    [ -f "$catalog/$file.go" ] || continue
    sed -i -E "/($kept)(\"|\.BuiltIn)/b; /plugin\/$file\/|^\t\t[a-z0-9]+\.BuiltIn\(\),|spireplugin/d" "$catalog/$file.go"
  done
done
CGO_ENABLED=1 "$go" build -tags netgo,osusergo -ldflags "-s -w" -o ../bin/ ./cmd/spire-server ./cmd/spire-agent
