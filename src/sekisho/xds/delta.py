"""A step from one state of a type to a later one, as ready-made responses shared by all who take it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sekisho.xds.frames import data_frames
from sekisho.xds.nudge import nudged_entry
from sekisho.xds.resource import Resource
from sekisho.xds.types import SCOPED_ROUTES
from sekisho.xds.wire import acknowledgement, delta_response, length_prefixed

_EXCHANGES_KEPT = 4
"""Framed copies kept per chunk. Nearly every proxy has stream 1; after a reset it has 3, and so on."""


class Exchange(NamedTuple):
    """A response on a stream of one id and its acknowledgement, as they look on the wire."""

    frames: bytes
    answer: bytes
    """The one DATA frame that nearly every client sends: recognised as it is, without being parsed."""
    nonce: str
    size: int
    """Of the message, length prefix included: what counts against flow-control windows."""


class Limit(NamedTuple):
    """How much goes into one response."""

    resources: int
    octets: int
    """Framed size; a single larger resource still goes, alone."""


class Chunking(NamedTuple):
    """Response sizes of one type."""

    first: Limit = Limit(1_000_000, 3 * 2**20)
    """The answer to a first subscription. Whole where possible, because a listener serves from the first
    response on; under the 4 MiB that gRPC clients take by default."""
    later: Limit = Limit(4_096, 2**20)
    """Changes after that."""


CHUNKING = {SCOPED_ROUTES: Chunking(later=Limit(64, 2**18))}
"""Envoy refuses a whole scoped-route response for one bad scope in it, so changes come in small ones."""


class Chunk:
    """One response: the same bytes for every proxy that is sent it."""

    __slots__ = ("_exchanges", "accepted", "message", "nonce", "removed", "resources", "type_url")

    def __init__(
        self,
        type_url: str,
        seq: int,
        nonce: str,
        resources: Sequence[Resource],
        removed: Sequence[str],
        *,
        again: bool = False,
    ) -> None:
        """`seq` is the view's commit the content belongs to.

        `again`: the resources were in a response that was refused, perhaps for another's sake.
        """
        self.type_url = type_url
        self.nonce = nonce
        self.resources = resources
        self.removed = removed
        self.accepted = False
        """Whether any proxy took it."""
        if again:
            entries = [part for one in resources for part in nudged_entry(type_url, one, nonce)]
        else:
            entries = [part for one in resources for part in (one.head, one.body)]
        self.message = length_prefixed(delta_response(type_url, nonce, str(seq), entries, removed))
        """The gRPC message, length prefix included."""
        self._exchanges: dict[int, Exchange] = {}

    def frames(self, stream_id: int) -> bytes:
        """The message in DATA frames of this stream; equal stream ids share one string."""
        return self.exchange(stream_id).frames

    def exchange(self, stream_id: int) -> Exchange:
        """The message and its acknowledgement on this stream; equal stream ids share it."""
        kept = self._exchanges.get(stream_id)
        if kept is None:
            if len(self._exchanges) >= _EXCHANGES_KEPT:
                self._exchanges.clear()
            answer = length_prefixed(acknowledgement(self.type_url, self.nonce))
            kept = self._exchanges[stream_id] = Exchange(
                data_frames(self.message, stream_id),
                data_frames(answer, stream_id),
                self.nonce,
                len(self.message),
            )
        return kept

    def __repr__(self) -> str:
        return f"Chunk({self.type_url.rpartition('.')[2]}, +{list(self.resources)}, -{list(self.removed)})"


class Delta(NamedTuple):
    """Everything that leads from one state to the next; no chunks when nothing differs."""

    upto: int
    chunks: tuple[Chunk, ...]


def split(resources: Sequence[Resource], limit: Limit) -> Iterator[Sequence[Resource]]:
    """Consecutive pieces within `limit`."""
    start = octets = 0
    for index, resource in enumerate(resources):
        size = resource.size
        if index > start and (index - start >= limit.resources or octets + size > limit.octets):
            yield resources[start:index]
            start, octets = index, 0
        octets += size
    if start < len(resources):
        yield resources[start:]
