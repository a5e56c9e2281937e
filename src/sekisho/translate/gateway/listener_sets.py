"""ListenerSets: which Gateway one adds its listeners to, and whether that Gateway lets it in (GEP-1713)."""

from typing import NamedTuple

from sekisho.engine import Read, query
from sekisho.model.gateway import GATEWAY_GROUP, Gateway, ListenerNamespaces
from sekisho.model.listener_set import ListenerSet
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.classes import serves
from sekisho.translate.gateway.namespaces import namespace_selected

SOURCES = ("Gateway", "ListenerSet")
"""Kinds that have listeners, in the order of their precedence."""


class Precedence(NamedTuple):
    """Of two sources that ask for the same, the lesser one gets it (ListenerSetSpec.listeners)."""

    is_set: bool
    """The Gateway's own come first."""
    created: str
    """RFC 3339 in UTC, whole seconds: the oldest ListenerSet next."""
    source: ResourceId
    """Then the first by namespace and name."""


@query
def parent(read: Read, listener_set: ResourceId) -> ResourceId | None:
    """The Gateway of ours that a ListenerSet names, whether it lets it in or not; None for none of ours."""
    resource: ListenerSet | None = read.leaf(listener_set)
    if resource is None:
        return None
    named = resource.spec.parent_ref
    gateway = ResourceId("Gateway", named.namespace or listener_set.namespace, named.name)
    is_ours = (named.group, named.kind) == (GATEWAY_GROUP, "Gateway") and serves(read, gateway)
    return gateway if is_ours else None


@query
def gateway_of(read: Read, source: ResourceId) -> ResourceId | None:
    """The Gateway whose proxies have the listeners of a source; None where nobody of ours has them."""
    if source.kind == "Gateway":
        return source if serves(read, source) else None
    gateway = parent(read, source)
    if gateway is None:
        return None
    allowed = _allowed(read, gateway)
    is_in = namespace_selected(read, allowed.from_, allowed.selector, gateway.namespace, source.namespace)
    return gateway if is_in else None


@query
def precedence(read: Read, source: ResourceId) -> Precedence:
    """The place of a source among those of one Gateway."""
    if source.kind == "Gateway":
        return Precedence(is_set=False, created="", source=source)
    created = read.leaf(source).metadata.creation_timestamp or ""
    return Precedence(is_set=True, created=created, source=source)


@query
def _allowed(read: Read, gateway: ResourceId) -> ListenerNamespaces:
    """Nobody is let in unless the Gateway says so."""
    resource: Gateway = read.leaf(gateway)
    allowed = resource.spec.allowed_listeners
    return ListenerNamespaces() if allowed is None else allowed.namespaces
