"""TLSRoute, TCPRoute and UDPRoute rules: bytes go to backends by weight, and nobody looks into them."""

from sekisho.engine import Read
from sekisho.model.byteroutes import ByteRoute
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.backends import BYTES_OF, Broken, leads_by_name, resolve
from sekisho.translate.gateway.plans import Plan


def byte_plan(read: Read, route: ResourceId, exempt: str) -> Plan:
    """The one rule of such a route. A backend that leads nowhere keeps its share of the connections: they are
    closed. `exempt`: see `backends.resolve`."""
    resource: ByteRoute = read.leaf(route)
    shares: list[tuple[str | None, int]] = []
    broken = []
    for number, rule in enumerate(resource.spec.rules):
        for position, reference in enumerate(rule.backend_refs):
            found = resolve(read, route, reference, exempt, carried=BYTES_OF[route.kind])
            if isinstance(found, str) and leads_by_name(found) and len(rule.backend_refs) > 1:
                # Bytes to a name go through the guard (`envoy/guard.py`), all of a connection's or none.
                message = f"{reference.kind} {reference.name} must be the only backend of its rule"
                found = Broken("UnsupportedProtocol", message)
            if isinstance(found, Broken):
                path = f"spec.rules[{number}].backendRefs[{position}]"
                broken.append(Broken(found.reason, f"{path}: {found.message}"))
            if reference.weight > 0:
                shares.append((None if isinstance(found, Broken) else found, reference.weight))
    clusters = {name for name, _ in shares if name is not None}
    return Plan(shares=tuple(shares), clusters=tuple(sorted(clusters)), broken=tuple(broken))
