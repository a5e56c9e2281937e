"""Reads a copy of what a proxy and its control plane say, and keeps what the proxy took."""

from dataclasses import dataclass, field
from typing import Any

from sekisho.agent.snapshot import Snapshot
from sekisho.protos import message
from sekisho.xds.types import LISTENER, Blob, Name

Request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")
Response = message("envoy.service.discovery.v3.DeltaDiscoveryResponse")


@dataclass(slots=True)
class _Sent:
    offered: dict[Name, Blob]
    removed: list[Name]


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
    _sent: dict[tuple[str, str], _Sent] = field(default_factory=dict)
    """By type and nonce, for each type counts its own: responses that are not answered yet."""
    _confirmed: set[Name] = field(default_factory=set)

    def response(self, raw: bytes) -> None:
        """The control plane said this to the proxy."""
        self.messages += 1
        response = Response.FromString(raw)
        offered = {
            Name(response.type_url, each.name): Blob(each.version, each.resource.value)
            for each in response.resources
            if each.HasField("resource")
        }
        self.snapshot.offer(offered)
        removed = [Name(response.type_url, name) for name in response.removed_resources]
        self._sent[response.type_url, response.nonce] = _Sent(offered, removed)

    def request(self, raw: bytes) -> bytes:
        """The proxy said this; returns what the control plane is to hear.

        It is the same, but that the proxy does not claim to have what the snapshot lacks: so that is sent
        again, and the snapshot becomes whole. (Its file may be older than the proxy, or was damaged.)
        And what it claims is in the order of the names: a control plane that thousands come back to parses
        once what all say alike.
        """
        self.messages += 1
        request = Request.FromString(raw)
        self._answer(request)
        self._forget(Name(request.type_url, name) for name in request.resource_names_unsubscribe)
        if request.type_url in self._known:
            return raw
        self._known.add(request.type_url)
        return self._begin(request, raw)

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

    def _answer(self, request: Any) -> None:
        sent = self._sent.pop((request.type_url, request.response_nonce), None)
        if sent is None:
            return
        self.snapshot.withdraw(sent.offered)
        if request.HasField("error_detail"):
            return
        self.is_settled |= request.type_url == LISTENER
        self.snapshot.put(sent.offered)
        self._confirmed.update(sent.offered)
        self._forget(sent.removed)

    def _forget(self, names: Any) -> None:
        gone = list(names)
        self.snapshot.drop(gone)
        self._confirmed.difference_update(gone)
