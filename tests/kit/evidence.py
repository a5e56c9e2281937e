"""What the processes of a test wrote, to be shown with its failure: CI keeps nothing else of them."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

LINES, WIDTH, LOGS = 40, 400, 12
"""So much is shown: the last lines of a log, characters of a line, logs of a test."""

Section = tuple[str, str]
"""Which log, and how it ends."""

_present: list[Path] = []
_left: list[Section] = []


@contextmanager
def process_folder(prefix: str = "sk-") -> Iterator[Path]:
    """A folder for processes, gone after the block; its path is short because sockets want that."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        with witnessed(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def witnessed(folder: Path) -> Iterator[None]:
    """Processes log in there during the block."""
    _present.append(folder)
    try:
        yield
    except BaseException:
        _left.extend(ends_of_logs([folder]))
        raise
    finally:
        _present.remove(folder)


def evidence() -> list[Section]:
    """How the logs end in the folders of this moment, and in those an exception left since `nothing_left`."""
    found = dict([*_left, *ends_of_logs(_present)])
    return list(found.items())[-LOGS:]


def nothing_left() -> None:
    """Forgets the folders that are gone."""
    _left.clear()


def ends_of_logs(folders: Iterable[Path]) -> list[Section]:
    """Of all files called `*.log` in there that have any line, the one written last being the last one."""
    written = sorted(
        (log.stat().st_mtime, log, folder) for folder in folders for log in folder.rglob("*.log")
    )  # fmt: skip
    ends = ((str(log.relative_to(folder.parent)), _end(log)) for _, log, folder in written)
    return [(name, end) for name, end in ends if end]


def _end(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(line if len(line) <= WIDTH else f"{line[:WIDTH]} …" for line in lines[-LINES:])
