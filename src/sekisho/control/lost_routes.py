"""Routes without their parent, Gateways without their class: nobody answers for them, so no status tells."""

from collections.abc import Collection, Iterable, Iterator

from sekisho.client.system_status import Trouble
from sekisho.control.rows import source_of
from sekisho.engine import Read
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.names import ResourceId
from sekisho.model.origin import ORIGIN_LABEL
from sekisho.model.routes import ROUTE_KINDS

_PARENTS = frozenset({(GATEWAY_GROUP, "Gateway"), (GATEWAY_GROUP, "ListenerSet"), ("", "Service")})
"""Group and kind of parents that are ours to serve; others may exist where we cannot look."""


def lost_routes(read: Read, known: Collection[ResourceId]) -> Iterator[Trouble]:
    """One for each parentRef of these routes that names nothing; `known` may have other kinds as well. Copies
    are left out: their parents may be where they come from."""
    found = [(route, *missing) for route in known for missing in _missing(read, route)]
    for route, position, parent in sorted(found):
        file, line = source_of(read, route)
        yield Trouble(
            resource=str(route), path=f"spec.parentRefs[{position}].name", reason="NoMatchingParent",
            message=f"{parent} does not exist", file=file, line=line,
        )  # fmt: skip


def lost_gateways(read: Read, everything: Iterable[ResourceId]) -> Iterator[Trouble]:
    """One for each Gateway in `everything` whose class does not exist; copies are left out. Of classes that
    exist and are not ours others speak."""
    classes = {one.name for one in everything if one.kind == "GatewayClass"}
    for gateway in sorted(one for one in everything if one.kind == "Gateway"):
        resource = read.leaf(gateway)
        wanted = resource.spec.gateway_class_name
        if wanted in classes or ORIGIN_LABEL in resource.metadata.labels:
            continue
        file, line = source_of(read, gateway)
        named = ResourceId("GatewayClass", "", wanted)
        yield Trouble(
            resource=str(gateway), path="spec.gatewayClassName", reason="NoSuchClass",
            message=f"{named.shown} does not exist", file=file, line=line,
        )  # fmt: skip


def _missing(read: Read, route: ResourceId) -> Iterator[tuple[int, ResourceId]]:
    resource = read.leaf(route) if route.kind in ROUTE_KINDS else None
    if resource is None or ORIGIN_LABEL in resource.metadata.labels:
        return
    for position, reference in enumerate(resource.spec.parent_refs):
        parent = ResourceId(reference.kind, reference.namespace or route.namespace, reference.name)
        if (reference.group, reference.kind) in _PARENTS and read.leaf(parent) is None:
            yield position, parent
