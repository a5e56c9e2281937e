"""Parses discovery requests; those that many proxies send alike are parsed once."""

from collections import deque
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from sekisho.protos import message
from sekisho.xds.rpc import Failed, Status

_KEPT = 8
_SHORTEST, _LONGEST = 2**12, 2**20
"""Octets of a request worth remembering; under that, parsing is cheap, and over it, memory is not."""
_NODE_TAG = 0x0A
_LOW, _MORE = 0x7F, 0x80


class Asked(NamedTuple):
    """A request, and the node that the first one of a stream carries."""

    request: Any
    """The DeltaDiscoveryRequest without its node. Shared: not to be changed."""
    node: Any


class Requests:
    """Remembers the last long requests.

    After a restart of the control plane two thousand proxies come back within seconds, each with the names
    and versions of all it holds: the same octets from all that hold the same, but for the node in front
    (field 1, so it is serialised first). Comparing them costs a hundredth of parsing them.
    """

    def __init__(self) -> None:
        self._request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")
        self._kept: deque[tuple[bytes, Any]] = deque(maxlen=_KEPT)

    def parse(self, raw: bytes) -> Asked:
        """Raises Failed."""
        start = _node_end(raw) if len(raw) >= _SHORTEST else 0
        try:
            if not start:
                request = self._shared(raw) if len(raw) >= _SHORTEST else self._request.FromString(raw)
                return Asked(request, request.node)
            return Asked(self._shared(raw[start:]), self._request.FromString(raw[:start]).node)
        except DecodeError:
            raise Failed(Status.INVALID_ARGUMENT, "not a DeltaDiscoveryRequest") from None

    def forget(self) -> None:
        """Drops what is remembered: those who came together are here."""
        self._kept.clear()

    def _shared(self, raw: bytes) -> Any:
        for known, request in self._kept:
            if known == raw:
                return request
        request = self._request.FromString(raw)
        if len(raw) <= _LONGEST:
            self._kept.append((raw, request))
        return request


def _node_end(raw: bytes) -> int:
    """Where field 1 ends at the front of a message; 0 when another field is there, or it is cut off."""
    if raw[0] != _NODE_TAG:
        return 0
    length = shift = 0
    for at in range(1, 5):
        length |= (raw[at] & _LOW) << shift
        if not raw[at] & _MORE:
            end = at + 1 + length
            return end if end <= len(raw) else 0
        shift += 7
    return 0
