"""`-f`: files, folders and stdin."""

import sys
from collections.abc import Sequence
from pathlib import Path

from sekisho.app.folder.manifests import Manifest, Reading, files, merged, no_text, read_file, read_text
from sekisho.cli.terminal import Exit, Failure, show_problems

STDIN = "-"


def reading(names: Sequence[str], *, namespace: str = "default", strict: bool = False) -> Reading:
    """What all of them say, with every problem. Raises Failure for a folder without YAML and for no name."""
    if not names:
        raise Failure("say which files: -f FILE, -f FOLDER or -f -", code=Exit.USAGE)
    return merged([_one(name, namespace, strict=strict) for name in names])


def manifests(
    names: Sequence[str], *, namespace: str = "default", may_be_none: bool = False
) -> list[Manifest]:
    """The resources in them: all or nothing.

    Shows the problems and raises Failure when there are any, and when no resource is there but one has to be.
    """
    found = reading(names, namespace=namespace)
    if found.problems:
        show_problems(found.problems)
        raise Failure("nothing was done")
    if not found.manifests and not may_be_none:
        raise Failure("the files hold no resources")
    return list(found.manifests)


def show_doubts(found: Sequence[Manifest]) -> int:
    """Warns of what may be written so and is hardly meant; returns how often."""
    doubts = [doubt for manifest in found for doubt in manifest.doubts()]
    show_problems(doubts, as_warnings=True)
    return len(doubts)


def _one(name: str, namespace: str, *, strict: bool) -> Reading:
    if name == STDIN:
        return _stdin(namespace, strict=strict)
    if "://" in name:
        raise Failure(
            f"{name}: URLs are not fetched", advice=f"curl -fsS {name} | sekisho … -f -", code=Exit.USAGE
        )
    path = Path(name)
    if not path.is_dir():
        return read_file(path, namespace=namespace, strict=strict)
    paths = files(path)
    if not paths:
        raise Failure(f"{path}: no YAML files in this folder", code=Exit.USAGE)
    return merged([read_file(entry, namespace=namespace, strict=strict) for entry in paths])


def _stdin(namespace: str, *, strict: bool) -> Reading:
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError as cause:
        return no_text("stdin", cause)
    return read_text(text, "stdin", namespace=namespace, strict=strict)
