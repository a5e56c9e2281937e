"""The version before this one (N-1), as a tree of code beside ours that runs with the same dependencies."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.kit.system import ROOT

COMMIT = "d2d67f8"
"""There is no release yet: what main was a session ago."""
VERSION = "0.0.9"
"""What it is made to call itself, so that a process shows what it is."""


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(("git", "-C", str(ROOT), *arguments), capture_output=True, check=False, timeout=60)


def missing() -> str:
    """Why there is no such tree; empty when there is."""
    try:
        found = _git("cat-file", "-e", f"{COMMIT}^{{commit}}").returncode == 0
    except OSError:
        return "runs the version before this one: needs git"
    return "" if found else f"runs the version before this one: {COMMIT} is not in this clone"


needs_older = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
"""On tests that use `older_tree`."""


def older_tree(folder: Path) -> Path:
    """Its code below `folder`."""
    archive = _git("archive", "--format=tar", COMMIT, "src").stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    module = folder / "src" / "sekisho" / "__init__.py"
    text = module.read_text()
    assert '__version__ = "0.1.0"' in text
    module.write_text(text.replace("0.1.0", VERSION))
    return folder
