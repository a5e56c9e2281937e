"""Rules of TLSRoute, TCPRoute and UDPRoute (the CEL rules of their CRDs)."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.byteroutes import ByteRoute, TLSRoute
from sekisho.model.problems import Problem
from sekisho.model.validation.filters import backend
from sekisho.model.validation.routes import hostnames, parents


def byte_route(resource: ByteRoute) -> Iterator[Problem]:
    """Parents, server names, backends."""
    spec = resource.spec
    yield from parents("spec.parentRefs", spec.parent_refs)
    if isinstance(resource, TLSRoute):
        yield from hostnames("spec.hostnames", resource.spec.hostnames)
    for index, rule in enumerate(spec.rules):
        where = paths.field(paths.item("spec.rules", index), "backendRefs")
        for number, reference in enumerate(rule.backend_refs):
            yield from backend(paths.item(where, number), reference)
