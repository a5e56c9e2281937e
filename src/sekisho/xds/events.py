"""What an HTTP/2 connection has to say about the octets it was given."""

from typing import NamedTuple

from sekisho.xds.frames import ErrorCode
from sekisho.xds.headers import Field


class Request(NamedTuple):
    """A stream was opened."""

    stream_id: int
    fields: list[Field]
    ended: bool
    """The peer will send nothing more on it."""


class Data(NamedTuple):
    """A piece of a stream's body."""

    stream_id: int
    octets: bytes
    ended: bool


class Gone(NamedTuple):
    """The stream was reset, by the peer or because of what it sent."""

    stream_id: int
    code: int


class WindowOpened(NamedTuple):
    """The peer takes more than before: what waited may go on."""


Event = Request | Data | Gone | WindowOpened


class ConnectionFailed(Exception):
    """The peer broke a rule that ends the connection. GOAWAY is in the outgoing octets already."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(f"{reason} ({code.name})")
        self.code = code
        self.reason = reason
