"""Keeps the extracted descriptors in the user's cache directory: 0.2 s the first time, 3 ms after."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import xxhash
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from sekisho.protos.extraction import extract

_HEAD = 4096
"""Bytes of the binary that are hashed: they hold the linker's build id, a hash of everything else."""
_CHECKSUM = 16


def descriptors(binary: Path, folder: Path | None = None) -> FileDescriptorSet:
    """The descriptors of `binary`, from the cache when it has them.

    `folder` defaults to `$XDG_CACHE_HOME/sekisho` or `~/.cache/sekisho`. A cache that cannot be read or
    written costs time and nothing else.
    """
    place = (folder or _default_folder()) / f"envoy-{_key(binary)}.pb"
    return _read(place) or _write(place, extract(binary))


def _default_folder() -> Path:
    # A variable of the base directory specification: a place for copies, not a setting of ours.
    base = os.environ.get("XDG_CACHE_HOME", "")  # noqa: TID251
    return (Path(base) if base.startswith("/") else Path("~/.cache").expanduser()) / "sekisho"


def _key(binary: Path) -> str:
    state = binary.stat()
    with binary.open("rb") as handle:
        head = handle.read(_HEAD)
    return xxhash.xxh3_128_hexdigest(b"%d %d %b" % (state.st_size, state.st_mtime_ns, head))


def _read(place: Path) -> FileDescriptorSet | None:
    """What `_write` wrote; None for anything else, such as a file cut short by a full disk."""
    try:
        content = place.read_bytes()
        checksum, body = content[:_CHECKSUM], content[_CHECKSUM:]
        return FileDescriptorSet.FromString(body) if checksum == xxhash.xxh3_128_digest(body) else None
    except (OSError, DecodeError):
        return None


def _write(place: Path, found: FileDescriptorSet) -> FileDescriptorSet:
    body = found.SerializeToString(deterministic=True)
    with suppress(OSError, RuntimeError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(place, xxhash.xxh3_128_digest(body) + body)
    return found


def _replace(place: Path, content: bytes) -> None:
    """The rename lets no reader see half a file; NamedTemporaryFile creates with 0600."""
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".envoy-", delete=False) as handle:
        try:
            handle.write(content)
            handle.flush()
            Path(handle.name).replace(place)
        except OSError:
            Path(handle.name).unlink()
            raise
