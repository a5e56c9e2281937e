"""Reads a copy of what a proxy and its control plane say, and keeps what the proxy took.

A change goes to all proxies of a host in the same octets, and they acknowledge it in the same: those are read
once, and what they bring is held once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sekisho.agent.snapshot import Snapshot
from sekisho.protos import message
from sekisho.xds.types import LISTENER, Blob, Name

Request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")
Response = message("envoy.service.discovery.v3.DeltaDiscoveryResponse")


_REMEMBERED = 64
"""Messages of either direction: more than go to one proxy while others are still to get the first of them."""
_LONGEST = 2**16
"""Octets of a message worth remembering; over it, memory is not."""

_Read = TypeVar("_Read")


class _Offer(NamedTuple):
    """A response. Shared: not to be changed."""

    type_url: str
    nonce: str
    offered: Mapping[Name, Blob]
    removed: tuple[Name, ...]


class _Answer(NamedTuple):
    """What counts of a request once its type was asked for."""

    type_url: str
    nonce: str
    refused: bool
    unsubscribed: tuple[Name, ...]


def _read_once(read: Callable[[bytes], _Read]) -> Callable[[bytes], _Read]:
    """Remembers what short messages say."""
    remembered = lru_cache(_REMEMBERED)(read)
    return lambda raw: remembered(raw) if len(raw) <= _LONGEST else read(raw)


@_read_once
def _offer(raw: bytes) -> _Offer:
    response = Response.FromString(raw)
    type_url = response.type_url
    offered = {
        Name(type_url, each.name): Blob(each.version, each.resource.value)
        for each in response.resources
        if each.HasField("resource")
    }
    return _Offer(type_url, response.nonce, offered, _names(type_url, response.removed_resources))


@_read_once
def _answer(raw: bytes) -> _Answer:
    request = Request.FromString(raw)
    unsubscribed = _names(request.type_url, request.resource_names_unsubscribe)
    return _Answer(request.type_url, request.response_nonce, request.HasField("error_detail"), unsubscribed)


def _names(type_url: str, names: Iterable[str]) -> tuple[Name, ...]:
    return tuple(Name(type_url, name) for name in names)


@dataclass(slots=True)
class Tracker:
    """Follows one stream from its first message on; what the proxy acknowledges goes into `snapshot`."""

    snapshot: Snapshot
    is_settled: bool = False
    """The proxy has its listeners on this stream: what it was not given and did not have, it has not."""
    messages: int = 0
    """How many messages were read so far, in both directions."""
    _known: set[str] = field(default_factory=set)
    """Types this stream has asked for."""
    _sent: dict[tuple[str, str], _Offer] = field(default_factory=dict)
    """By type and nonce, for each type counts its own: responses that are not answered yet."""
    _confirmed: set[Name] = field(default_factory=set)

    def response(self, raw: bytes) -> None:
        """The control plane said this to the proxy."""
        self.messages += 1
        offer = _offer(raw)
        self.snapshot.offer(offer.offered)
        self._sent[offer.type_url, offer.nonce] = offer

    def request(self, raw: bytes) -> bytes:
        """The proxy said this; returns what the control plane is to hear.

        It is the same, but that the proxy does not claim to have what the snapshot lacks: so that is sent
        again, and the snapshot becomes whole. (Its file may be older than the proxy, or was damaged.)
        And what it claims is in the order of the names: a control plane that thousands come back to parses
        once what all say alike.
        """
        self.messages += 1
        answer = _answer(raw)
        self._take(answer)
        self._forget(answer.unsubscribed)
        if answer.type_url in self._known:
            return raw
        self._known.add(answer.type_url)
        return self._begin(Request.FromString(raw), raw)

    def leftovers(self) -> set[Name]:
        """What the snapshot holds though the proxy, settled, does not; nothing while that is not certain."""
        if not self.is_settled or self._sent:
            return set()
        return self.snapshot.resources.keys() - self._confirmed

    def _begin(self, request: Any, raw: bytes) -> bytes:
        claimed = dict(request.initial_resource_versions)
        if not claimed:
            return raw
        self.is_settled |= request.type_url == LISTENER
        self.snapshot.claimed(request.type_url, claimed)
        for name, version in claimed.items():
            key = Name(request.type_url, name)
            held = self.snapshot.resources.get(key)
            if held and held.version == version:
                self._confirmed.add(key)
            else:
                del request.initial_resource_versions[name]
        request.resource_names_subscribe.sort()
        return bytes(request.SerializeToString(deterministic=True))

    def _take(self, answer: _Answer) -> None:
        sent = self._sent.pop((answer.type_url, answer.nonce), None)
        if sent is None:
            return
        self.snapshot.withdraw(sent.offered)
        if answer.refused:
            return
        self.is_settled |= answer.type_url == LISTENER
        self.snapshot.put(sent.offered)
        self._confirmed.update(sent.offered)
        self._forget(sent.removed)

    def _forget(self, names: Iterable[Name]) -> None:
        self.snapshot.drop(names)
        self._confirmed.difference_update(names)
