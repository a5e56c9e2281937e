"""Finds the FileDescriptorProtos that a C++ protobuf program carries in its read-only data."""

import re
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

_START = re.compile(rb"\x0a([\x06-\x7f])([a-z0-9_]+(?:/[A-Za-z0-9_\-]+)*\.proto)[\x12\x1a]")
"""Field 1 (`name`, length-delimited, under 128 bytes), then field 2 (`package`) or 3 (`dependency`)."""

_NAME = 1
_VARINT, _LENGTH_DELIMITED = 0, 2
_SCALARS = ("public_dependency", "weak_dependency", "edition")
_WIRE_TYPES = {
    field.number: _VARINT if field.name in _SCALARS else _LENGTH_DELIMITED
    for field in FileDescriptorProto.DESCRIPTOR.fields
}


class MissingDescriptorsError(Exception):
    """The binary does not carry a complete set of descriptors."""


def extract(binary: Path) -> FileDescriptorSet:
    """All files described in `binary`, by name. Raises MissingDescriptorsError when imports are absent."""
    files: dict[str, FileDescriptorProto] = {}
    with binary.open("rb") as handle, mmap(handle.fileno(), 0, access=ACCESS_READ) as data:
        for start in _starts(data):
            found = _parse(data[start : _end(data, start)])
            # A name also occurs where a descriptor merely mentions a file: the fullest one is the real one.
            if found and (found.name not in files or found.ByteSize() > files[found.name].ByteSize()):
                files[found.name] = found
    _check_complete(files, binary)
    return FileDescriptorSet(file=[files[name] for name in sorted(files)])


def _starts(data: mmap) -> Iterator[int]:
    for match in _START.finditer(data):
        if match[1][0] == len(match[2]):
            yield match.start()


def _end(data: mmap, start: int) -> int:
    """Where the message stops: at the first tag that FileDescriptorProto cannot have, or at a second name."""
    position = start
    while position < len(data):
        tag, body = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if _WIRE_TYPES.get(number) != wire_type or (number == _NAME and position != start):
            return position
        value, position = _varint(data, body)
        if wire_type == _LENGTH_DELIMITED:
            position += value
    return len(data)


def _varint(data: mmap, position: int) -> tuple[int, int]:
    """The base-128 number at `position`, and the position after it."""
    value = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            break
        shift += 7
    return value, position


def _parse(body: bytes) -> FileDescriptorProto | None:
    try:
        file = FileDescriptorProto.FromString(body)
    except DecodeError:
        return None
    says_something = file.message_type or file.enum_type or file.service or file.extension or file.dependency
    return file if says_something else None


def _check_complete(files: dict[str, FileDescriptorProto], binary: Path) -> None:
    missing = {name for file in files.values() for name in file.dependency} - files.keys()
    if missing or not files:
        raise MissingDescriptorsError(
            f"{binary} describes {len(files)} files; not found: {', '.join(sorted(missing)) or 'any'}"
        )
