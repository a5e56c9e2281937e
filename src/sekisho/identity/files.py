"""Files that only their owner may read, replaced in one step."""

import os
import stat
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700


def private_directory(path: Path) -> Path:
    """Makes `path` when missing, and narrows it to 0700 otherwise: for directories that are ours alone.

    Raises PermissionError when another user made it, or when it is a link: in /tmp anybody may make either.
    """
    path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{path} is a link or somebody else's: it was put there for us to write into")
    path.chmod(PRIVATE_DIRECTORY)
    return path


def write_private(path: Path, content: bytes) -> None:
    """Replaces the file by `content`, mode 0600; a crash leaves the old file or the new one, never a part.

    Returns when both the content and the name are on the disk. Raises OSError and leaves the old file when
    the disk takes no more.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)  # what a crash of a process with our number left
    try:
        _write_synced(new, content)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _write_synced(path: Path, content: bytes) -> None:
    # The mode is given at creation: there is no moment at which another user could open the file.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
