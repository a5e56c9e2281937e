"""Who is connected, and what they say of what we sent: facts for translators, numbers for `status`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from sekisho.aio.clock import Clock
from sekisho.control import metrics
from sekisho.control.inbox import Inbox
from sekisho.control.publisher import Publisher
from sekisho.control.refusals import essence
from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, ProxyState, Rejection
from sekisho.xds.observer import Observer
from sekisho.xds.types import Name
from sekisho.xds.view import View

log = structlog.get_logger(__name__)

NODE_PREFIX = "gateway/"


@dataclass(slots=True)
class Proxy:
    """One connected proxy."""

    id: str
    """`gateway/<namespace>/<name>/<instance>`: its node id."""
    gateway: ResourceId
    since: datetime
    acknowledged: int = 0
    """The commit of its view up to which it has answered everything."""
    rejected: dict[Name, str] = field(default_factory=dict)
    """What it refuses now, with Envoy's words."""
    earlier: list[int] = field(default_factory=list)
    """What it had acknowledged on streams before this one, whose end was not noticed yet."""


def gateway_of(node_id: str) -> ResourceId | None:
    """The Gateway a node id claims to serve; None when it claims none."""
    parts = node_id.removeprefix(NODE_PREFIX).split("/")
    if not node_id.startswith(NODE_PREFIX) or len(parts) not in (2, 3):
        return None
    return ResourceId("Gateway", parts[0], parts[1])


class Proxies(Observer):
    """Observer of the xDS server. Quick, and never raises: it is called from inside the protocol."""

    def __init__(self, inbox: Inbox, publisher: Publisher, clock: Clock) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._clock = clock
        self.connected_now: dict[str, Proxy] = {}
        self._synced: set[ResourceId] = set()
        self._refusing: dict[Rejection, set[str]] = {}
        self._sent: dict[str, list[int]] = {}
        """By type: resources and octets sent since they were last added to the counters."""

    def connected(self, proxy: str, node: Any) -> None:
        """A stream began."""
        gateway = gateway_of(node.id)
        if gateway is None:
            return
        before = self.connected_now.get(proxy)
        earlier = [] if before is None else [*before.earlier, before.acknowledged]
        for name in list(before.rejected) if before is not None else ():
            self._no_longer_refused(before, name)
        self.connected_now[proxy] = Proxy(proxy, gateway, self._clock.now(), earlier=earlier)
        metrics.PROXIES.set(len(self.connected_now))
        log.info("proxy connected", proxy=proxy)

    def sent(self, proxy: str, type_url: str, resources: int, octets: int) -> None:  # noqa: ARG002
        """Counted, for all proxies together."""
        tally = self._sent.get(type_url)
        if tally is None:
            tally = self._sent[type_url] = [0, 0]
        tally[0] += resources
        tally[1] += octets

    def count_sent(self) -> None:
        """Brings the counters of what was sent up to date: when they are read, as adding to them costs more
        than the rest of a push's bookkeeping."""
        for type_url, tally in self._sent.items():
            of_type = type_url.rpartition(".")[2]
            metrics.SENT_RESOURCES.labels(of_type).inc(tally[0])
            metrics.SENT_OCTETS.labels(of_type).inc(tally[1])
            tally[:] = 0, 0

    def synced(self, proxy: str, view: View, seq: int) -> None:
        """The proxy has answered everything up to `seq`."""
        known = self.connected_now.get(proxy)
        if known is None:
            return
        before, known.acknowledged = known.acknowledged, seq
        self._publisher.synced(view, before, seq)
        if known.gateway not in self._synced and seq > 0:
            self._synced.add(known.gateway)
            self._tell(ProxyState.of(known.gateway), SYNCED)

    def rejected(self, proxy: str, name: Name, version: str, message: str) -> None:
        """The proxy refused this version; it keeps what it had. Its author is told through the status."""
        known = self.connected_now.get(proxy)
        if known is None:
            return
        message = essence(message)
        known.rejected[name] = message
        metrics.REJECTIONS.labels(name.type_url.rpartition(".")[2]).inc()
        log.warning(
            "proxy refused a resource",
            proxy=proxy, type=name.type_url, name=name.name, version=version, reason=message,
        )  # fmt: skip
        fact = Rejection.of(known.gateway, name.type_url, name.name)
        self._refusing.setdefault(fact, set()).add(proxy)
        self._tell(fact, message)

    def accepted(self, proxy: str, *names: Name) -> None:
        """What the proxy refused before is good again."""
        known = self.connected_now.get(proxy)
        for name in names if known else ():
            self._no_longer_refused(known, name)

    def disconnected(self, proxy: str, reason: str) -> None:
        """The stream ended. What it refused is forgotten with it: it says so again when it comes back.

        Of a proxy that came back before its loss was noticed, this is the end of an earlier stream.
        """
        known = self.connected_now.get(proxy)
        if known is None:
            return
        if known.earlier:
            self._publisher.left(self._publisher.view(known.gateway), known.earlier.pop(0))
            return
        del self.connected_now[proxy]
        metrics.PROXIES.set(len(self.connected_now))
        log.info("proxy disconnected", proxy=proxy, reason=reason)
        for name in list(known.rejected):
            self._no_longer_refused(known, name)
        self._publisher.left(self._publisher.view(known.gateway), known.acknowledged)

    def forget(self, gateway: ResourceId) -> None:
        """The Gateway is gone: one of the same name starts anew."""
        if gateway in self._synced:
            self._synced.discard(gateway)
            self._tell(ProxyState.of(gateway), None)

    def _no_longer_refused(self, proxy: Proxy | None, name: Name) -> None:
        if proxy is None or proxy.rejected.pop(name, None) is None:
            return
        fact = Rejection.of(proxy.gateway, name.type_url, name.name)
        refusing = self._refusing.get(fact, set())
        refusing.discard(proxy.id)
        if not refusing:
            self._refusing.pop(fact, None)
            self._tell(fact, None)

    def _tell(self, leaf: ProxyState | Rejection, value: str | None) -> None:
        self._inbox.put({leaf: value}, self._clock.monotonic())
