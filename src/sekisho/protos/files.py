"""The files of descriptors that a pool asks for, each when it first needs it."""

from typing import Protocol

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet


class _Named(Protocol):
    name: str


class Files:
    """What `DescriptorPool` calls a database. A process uses a few dozen of Envoy's 560 files, and a pool of
    all of them is 10 MB larger.
    """

    def __init__(self, found: FileDescriptorSet) -> None:
        self._serialized = {file.name: file.SerializeToString() for file in found.file}
        self._file_of = {symbol: file.name for file in found.file for symbol in _symbols(file)}

    def FindFileByName(self, name: str) -> FileDescriptorProto:  # noqa: N802 - protobuf's name
        """Raises KeyError when there is none."""
        return FileDescriptorProto.FromString(self._serialized[name])

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptorProto:  # noqa: N802 - protobuf's name
        """`symbol`: the full name of a message, enumeration, service or extension, or of what is within one.

        Raises KeyError when there is none.
        """
        outer = symbol
        while outer not in self._file_of:
            outer = outer.rpartition(".")[0]
            if not outer:
                raise KeyError(symbol)
        return self.FindFileByName(self._file_of[outer])


def _symbols(file: FileDescriptorProto) -> list[str]:
    """Full names of what a file declares on its own level."""
    declared: tuple[_Named, ...] = (*file.message_type, *file.enum_type, *file.service, *file.extension)
    return [f"{file.package}.{one.name}" for one in declared]
