"""Default Gateways (GEP-3793): those that take routes which ask for a Gateway and name none."""

from collections.abc import Iterator

from sekisho.engine import Read, index
from sekisho.model.byteroutes import ByteRoute
from sekisho.model.grpcroute import GRPCRoute
from sekisho.model.httproute import HTTPRoute
from sekisho.model.names import ResourceId
from sekisho.model.routes import ParentReference
from sekisho.translate.gateway.classes import serves

_ALL = "All"
"""The only scope there is."""


def references(
    read: Read, route: ResourceId, resource: HTTPRoute | GRPCRoute | ByteRoute
) -> tuple[ParentReference, ...]:
    """The parents of a route: those it names, then the default Gateways of ours that it does not name, if it
    asks for them."""
    declared = resource.spec.parent_refs
    if resource.spec.use_default_gateways != _ALL:
        return declared
    named = {
        ResourceId(one.kind, one.namespace or route.namespace, one.name)
        for one in declared
        if one.kind == "Gateway"
    }
    further = sorted(read.bucket(_DEFAULTS, _ALL) - named)
    return (*declared, *(ParentReference(name=one.name, namespace=one.namespace) for one in further))


def _scope(read: Read, gateway: ResourceId) -> Iterator[str]:
    if serves(read, gateway) and read.leaf(gateway).spec.default_scope == _ALL:
        yield _ALL


_DEFAULTS = index("default gateways", source="Gateway", emit=_scope)
"""Scope → the Gateways of ours that are default ones for it."""
