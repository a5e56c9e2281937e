"""`sekisho status`: the whole system on one screen."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import chain
from typing import Any

from sekisho import __version__
from sekisho.client.system_status import (
    CertificateState,
    ControlPlaneState,
    GatewayState,
    ListenerState,
    ProxyState,
    SystemStatus,
    Trouble,
    WorkloadState,
)
from sekisho.control.loop import ControlLoop
from sekisho.control.lost_routes import lost_gateways, lost_routes
from sekisho.control.meant import with_what_was_meant
from sekisho.control.rows import source_of
from sekisho.control.troubles import troubles_in
from sekisho.kit.clocks import rfc3339
from sekisho.model.names import ResourceId
from sekisho.model.origin import GLOBAL, ORIGIN_LABEL
from sekisho.translate.ingress.derived import author_of, is_derived
from sekisho.translate.mesh.rejections import authors

_FIELD = re.compile(r"^spec\.[^ ]+: ")
"""The beginning of a message that names a field."""
SOON = timedelta(days=30)
"""Certificates that end sooner are shown."""


def system_status(loop: ControlLoop, started: str, revision: int, place: str = "") -> SystemStatus:
    """A picture of now; `started` is RFC 3339, `revision` that of the store's newest write, `place` the zone
    of this control plane or `global`."""
    statuses = loop.statuses.desired
    lost = () if place == GLOBAL else _lost(loop, statuses)  # global: parents and classes are in zones
    troubles = chain(_troubles(loop), _troubles_of_ingresses(loop), lost, _refused_services(loop))
    return SystemStatus(
        control_plane=ControlPlaneState(
            version=__version__,
            started=started,
            revision=revision,
            resources=loop.resources,
            published=loop.publisher.published,
            place=place,
        ),
        gateways=tuple(_gateways(loop, statuses)),
        workloads=tuple(_workloads(statuses)),
        views=loop.publisher.shared_views,
        proxies=tuple(_proxies(loop)),
        troubles=tuple(with_what_was_meant(troubles, loop.engine.of_kind)),
        certificates=tuple(_certificates(loop)),
        refusals=loop.tally.told(),
    )


def _gateways(loop: ControlLoop, statuses: Mapping[ResourceId, Mapping[str, Any]]) -> Iterator[GatewayState]:
    for resource in sorted(one for one in statuses if one.kind == "Gateway"):
        status = statuses[resource]
        gateway = loop.engine.read.leaf(resource)
        by_name = {listener.name: listener for listener in gateway.spec.listeners} if gateway else {}
        listeners = tuple(
            ListenerState(
                name=one["name"],
                port=by_name[one["name"]].port,
                protocol=by_name[one["name"]].protocol,
                attached_routes=one["attachedRoutes"],
                programmed=_holds(one["conditions"], "Programmed"),
            )
            for one in status.get("listeners", ())
            if one["name"] in by_name
        )
        yield GatewayState(
            namespace=resource.namespace,
            name=resource.name,
            programmed=_holds(status["conditions"], "Programmed"),
            addresses=tuple(address["value"] for address in status.get("addresses", ())),
            listeners=listeners,
            listener_sets=status.get("attachedListenerSets", 0),
        )


def _workloads(statuses: Mapping[ResourceId, Mapping[str, Any]]) -> Iterator[WorkloadState]:
    for resource in sorted(one for one in statuses if one.kind == "Workload"):
        status = statuses[resource]
        yield WorkloadState(
            namespace=resource.namespace,
            name=resource.name,
            spiffe_id=status.get("spiffeID", ""),
            programmed=_holds(status["conditions"], "Programmed"),
        )


def _holds(conditions: Iterable[Mapping[str, Any]], name: str) -> bool:
    return any(one["type"] == name and one["status"] == "True" for one in conditions)


def _proxies(loop: ControlLoop) -> Iterator[ProxyState]:
    for proxy in sorted(loop.proxies.connected_now.values(), key=lambda one: one.id):
        owner = f"{proxy.owner.namespace}/{proxy.owner.name}"
        of_gateway = proxy.owner.kind == "Gateway"
        yield ProxyState(
            name=proxy.id,
            gateway=owner if of_gateway else "",
            workload="" if of_gateway else owner,
            connected=True,
            synced=proxy.behind == 0,
            behind=proxy.behind,
            lag=max(map(loop.publisher.lag, proxy.views)),
            rejected=len(proxy.rejected),
        )


def _troubles(loop: ControlLoop) -> Iterator[Trouble]:
    """Every condition that is not as its author wants it, once per resource and message."""
    for resource, status in loop.troubled.in_order():
        if is_derived(resource):
            continue
        seen: set[str] = set()
        for condition in troubles_in(status):
            if condition["reason"] == "NoProxies" and _is_copy(loop, resource):
                continue  # written for all zones: that this one has nobody for it is no mistake
            if condition["message"] not in seen:
                seen.add(condition["message"])
                file, line = source_of(loop.engine.read, resource)
                yield Trouble(
                    resource=str(resource), reason=condition["reason"], message=condition["message"],
                    file=file, line=line,
                )  # fmt: skip


def _lost(loop: ControlLoop, statuses: Collection[ResourceId]) -> Iterator[Trouble]:
    yield from lost_routes(loop.engine.read, statuses)
    doors = [leaf for kind in ("Gateway", "GatewayClass") for leaf in loop.engine.of_kind(kind)]
    yield from lost_gateways(loop.engine.read, doors)


def _troubles_of_ingresses(loop: ControlLoop) -> Iterator[Trouble]:
    """Their own status has no place for words: it is what they become that has conditions."""
    found: dict[tuple[ResourceId, str], str] = {}
    for resource, status in loop.troubled.in_order():
        if not is_derived(resource):
            continue
        author = author_of(loop.engine.read, resource)
        for condition in troubles_in(status):
            # Fields are those of what it became.
            message = _FIELD.sub("", condition["message"])
            found.setdefault((author, message), condition["reason"])
    for (author, message), reason in sorted(found.items()):
        file, line = source_of(loop.engine.read, author)
        yield Trouble(resource=str(author), reason=reason, message=message, file=file, line=line)


def _refused_services(loop: ControlLoop) -> Iterator[Trouble]:
    """What sidecars refuse of a Service itself, which has no status of ours to say so."""
    read = loop.engine.read
    for fact in sorted(loop.proxies.refusals(), key=lambda one: one.resource_name):
        for author in authors(read, fact):
            if author.kind == "Service":
                file, line = source_of(read, author)
                told = f"a sidecar refused {fact.resource_name}: {read.leaf(fact)}"
                yield Trouble(resource=str(author), reason="Rejected", message=told, file=file, line=line)


def _is_copy(loop: ControlLoop, resource: ResourceId) -> bool:
    found = loop.engine.read.leaf(resource)
    return found is not None and ORIGIN_LABEL in found.metadata.labels


def _certificates(loop: ControlLoop) -> Iterator[CertificateState]:
    horizon = loop.clock.now() + SOON
    for end, secret in loop.expiry.soonest():
        if end < horizon:
            yield CertificateState(name=str(secret), expires=rfc3339(end))
