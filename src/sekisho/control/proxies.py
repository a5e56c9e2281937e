"""Who is connected, and what they say of what we sent: facts for translators, numbers for `status`."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from sekisho.aio.clock import Clock
from sekisho.control import metrics
from sekisho.control.inbox import Inbox
from sekisho.control.openings import Openings
from sekisho.control.publisher import Publisher
from sekisho.control.refusals import essence
from sekisho.control.tally import Refused, Tally
from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, ProxyState, Rejection
from sekisho.translate.gateway.openings import Opening
from sekisho.xds.observer import Observer
from sekisho.xds.types import Name
from sekisho.xds.view import View

log = structlog.get_logger(__name__)

_KINDS = {"gateway": "Gateway", "workload": "Workload"}
AGENT = "agent/"
"""Begins the node id of an agent's own stream; that of its proxy follows."""

ViewsOf = Callable[[ResourceId], Sequence[View]]
"""The views that the proxies of a Gateway or Workload follow now."""


@dataclass(slots=True)
class Proxy:
    """One connected proxy, or the agent beside one."""

    id: str
    """`gateway/<namespace>/<name>/<instance>`: its node id."""
    owner: ResourceId
    """The Gateway or Workload."""
    since: datetime
    views: tuple[View, ...]
    """What it follows."""
    positions: list[int]
    """Of each view, the commit up to which it has answered everything: its session's own list."""
    rejected: dict[Name, str] = field(default_factory=dict)
    """What it refuses now, with Envoy's words."""
    earlier: list["Proxy"] = field(default_factory=list)
    """It, on streams before this one whose end was not noticed yet; the oldest first."""

    @property
    def acknowledged(self) -> int:
        """The commit of its first view up to which it has answered everything."""
        return self.positions[0]

    @property
    def behind(self) -> int:
        """Commits of its views that it has not answered."""
        return sum(max(0, view.seq - position) for view, position in self.following())

    def following(self) -> Iterator[tuple[View, int]]:
        """Each view with its position in it."""
        return zip(self.views, self.positions, strict=True)


def owner_of(node_id: str) -> ResourceId | None:
    """The Gateway or Workload a node id claims to serve; None when it claims none."""
    role, *rest = node_id.removeprefix(AGENT).split("/")
    if role not in _KINDS or len(rest) not in (2, 3):
        return None
    return ResourceId(_KINDS[role], rest[0], rest[1])


class Proxies(Observer):
    """Observer of the xDS server. Quick, and never raises: it is called from inside the protocol."""

    def __init__(
        self, inbox: Inbox, publisher: Publisher, clock: Clock, views_of: ViewsOf, tally: Tally
    ) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._clock = clock
        self._views_of = views_of
        self._tally = tally
        self.on_rejection: Callable[[Rejection, str, str], None] = _nothing
        """Called with what was refused, the version, and Envoy's words."""
        self.connected_now: dict[str, Proxy] = {}
        self._agents: dict[str, Proxy] = {}
        self._synced: set[ResourceId] = set()
        self._forgotten: set[ResourceId] = set()
        """Owners that went while proxies of theirs stayed, and have not been in sync anew."""
        self._openings = Openings(publisher)
        self._refusing: dict[Rejection, set[str]] = {}
        self._sent: dict[str, list[int]] = {}
        """By type: resources and octets sent since they were last added to the counters."""

    def connected(self, proxy: str, node: Any, reached: list[int] | None = None) -> None:
        """A stream began. Without `reached`, its positions are what `synced` says."""
        owner = owner_of(node.id)
        if owner is None:
            return
        streams = self._streams(proxy)
        before = streams.get(proxy)
        for name in list(before.rejected) if before is not None else ():
            self._no_longer_refused(before, name)
        views = tuple(self._views_of(owner))
        now = Proxy(proxy, owner, self._clock.now(), views, reached or [0] * len(views))
        if before is not None:
            now.earlier, before.earlier = [*before.earlier, before], []
        streams[proxy] = now
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
        known = self.connected_now.get(proxy) or self._agents.get(proxy)
        if known is None or view not in known.views:
            return
        place = known.views.index(view)
        before, known.positions[place] = known.positions[place], seq
        self._publisher.synced(view, before, seq)
        if known.owner not in self._synced and proxy in self.connected_now and all(known.positions):
            self._synced.add(known.owner)
            self._forgotten.discard(known.owner)
            self._tell(ProxyState.of(known.owner), SYNCED)
        if view in self._openings.awaited and proxy in self.connected_now:
            self._inbox.put(self._openings.answered(view, seq), self._clock.monotonic())

    def arrived(self, proxy: str, view: View, before: int, seq: int) -> None:
        """The same of one that was in sync before: mostly nobody asks, so it is only counted."""
        if self._forgotten or view in self._openings.awaited:
            self.synced(proxy, view, seq)
        else:
            self._publisher.synced(view, before, seq)

    def opened(self, changed: Mapping[ResourceId, tuple[Opening, ...] | None]) -> None:
        """Listeners that a commit opened, changed or closed, once it is published."""
        if not changed:
            return
        furthest: dict[View, int] = {}
        for proxy in self.connected_now.values():
            if proxy.owner.kind == "Gateway":
                for view, position in proxy.following():
                    furthest[view] = max(position, furthest.get(view, 0))
        self._inbox.put(self._openings.published(changed, furthest), self._clock.monotonic())

    def rejected(self, proxy: str, name: Name, version: str, message: str) -> None:
        """The proxy refused this version; it keeps what it had. Its author is told through the status."""
        known = self.connected_now.get(proxy)
        if known is None:
            return
        message = essence(message)
        known.rejected[name] = message
        metrics.REJECTIONS.labels(name.type_url.rpartition(".")[2]).inc()
        self._tally.add(Refused.RESOURCE)
        log.warning(
            "proxy refused a resource",
            proxy=proxy, type=name.type_url, name=name.name, version=version, reason=message,
        )  # fmt: skip
        fact = self._fact(known, name)
        self._refusing.setdefault(fact, set()).add(proxy)
        self._tell(fact, message)
        self.on_rejection(fact, version, message)

    def accepted(self, proxy: str, *names: Name) -> None:
        """What the proxy refused before is good again."""
        known = self.connected_now.get(proxy)
        for name in names if known else ():
            self._no_longer_refused(known, name)

    def disconnected(self, proxy: str, reason: str) -> None:
        """The stream ended. What it refused is forgotten with it: it says so again when it comes back.

        Of a proxy that came back before its loss was noticed, this is the end of an earlier stream.
        """
        streams = self._streams(proxy)
        known = streams.get(proxy)
        if known is None:
            return
        if known.earlier:
            self._left(known.earlier.pop(0))
            return
        del streams[proxy]
        metrics.PROXIES.set(len(self.connected_now))
        log.info("proxy disconnected", proxy=proxy, reason=reason)
        for name in list(known.rejected):
            self._no_longer_refused(known, name)
        self._left(known)
        if known.owner in self._forgotten and not self._has(known.owner):
            self._forgotten.discard(known.owner)

    def refusals(self) -> Collection[Rejection]:
        """Everything some proxy refuses now."""
        return self._refusing.keys()

    def forget(self, owner: ResourceId) -> None:
        """The Gateway or Workload is gone: one of the same name starts anew."""
        if owner in self._synced:
            self._synced.discard(owner)
            self._tell(ProxyState.of(owner), None)
            if self._has(owner):
                self._forgotten.add(owner)

    def _has(self, owner: ResourceId) -> bool:
        return any(proxy.owner == owner for proxy in self.connected_now.values())

    def _streams(self, proxy: str) -> dict[str, Proxy]:
        """Agents are not proxies: they are waited for, but neither counted nor shown."""
        return self._agents if proxy.startswith(AGENT) else self.connected_now

    def _left(self, proxy: Proxy) -> None:
        for view, position in proxy.following():
            self._publisher.left(view, position)

    def _no_longer_refused(self, proxy: Proxy | None, name: Name) -> None:
        if proxy is None or proxy.rejected.pop(name, None) is None:
            return
        for fact in [fact for fact, by in self._refusing.items() if proxy.id in by and fact[2:] == name]:
            self._refusing[fact].discard(proxy.id)
            if not self._refusing[fact]:
                del self._refusing[fact]
                self._tell(fact, None)

    def _fact(self, proxy: Proxy, name: Name) -> Rejection:
        """Said of the view that has it: whichever of its proxies refuses it, it is one matter."""
        for view in proxy.views:
            key = self._publisher.key(view)
            if key is not None and view.get(name) is not None:
                return Rejection.of(key, name.type_url, name.name)
        return Rejection.of(proxy.owner, name.type_url, name.name)

    def _tell(self, leaf: ProxyState | Rejection, value: str | None) -> None:
        self._inbox.put({leaf: value}, self._clock.monotonic())


def _nothing(rejection: Rejection, version: str, message: str) -> None:
    """Nobody asked to be told."""
