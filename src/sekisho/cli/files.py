"""`-f`: files, folders and stdin."""

import sys
from collections.abc import Sequence
from pathlib import Path

from sekisho.app.folder.manifests import Manifest, Reading, files, merged, read_file, read_text
from sekisho.cli.terminal import Exit, Failure, show_problems

STDIN = "-"


def reading(names: Sequence[str], *, namespace: str = "default", strict: bool = False) -> Reading:
    """What all of them say, with every problem. Raises Failure for a folder without YAML and for no name."""
    if not names:
        raise Failure("say which files: -f FILE, -f FOLDER or -f -", code=Exit.USAGE)
    return merged([_one(name, namespace, strict=strict) for name in names])


def manifests(names: Sequence[str], *, namespace: str = "default") -> list[Manifest]:
    """The resources in them. Shows the problems and raises Failure when there are any: all or nothing."""
    found = reading(names, namespace=namespace)
    if found.problems:
        show_problems(found.problems)
        raise Failure("nothing was done")
    return list(found.manifests)


def _one(name: str, namespace: str, *, strict: bool) -> Reading:
    if name == STDIN:
        return read_text(sys.stdin.read(), "stdin", namespace=namespace, strict=strict)
    path = Path(name)
    if not path.is_dir():
        return read_file(path, namespace=namespace, strict=strict)
    paths = files(path)
    if not paths:
        raise Failure(f"{path}: no YAML files in this folder", code=Exit.USAGE)
    return merged([read_file(entry, namespace=namespace, strict=strict) for entry in paths])
