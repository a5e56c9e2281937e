"""Paths of an Ingress as rules of HTTPRoutes."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

from sekisho.engine import Read, query
from sekisho.kit.hostnames import EVERY, is_wildcard
from sekisho.model.core import Service
from sekisho.model.httpfilters import HttpRouteFilter, RequestRedirect
from sekisho.model.httproute import (
    HttpBackendRef,
    HttpHeaderMatch,
    HttpPathMatch,
    HttpRouteMatch,
    HttpRouteRule,
)
from sekisho.model.ingress import (
    HttpIngressPath,
    Ingress,
    IngressBackend,
    IngressResource,
    IngressServiceBackend,
)
from sekisho.model.names import ResourceId

_PERMANENT: Literal[308] = 308
"""Keeps the method and the body (RFC 9110, 15.4.9)."""
_HTTPS = 443

_NOTHING = IngressResource(kind="Nothing", name="")
"""The API lets no backend through that names neither; should there be one, its requests are answered 500."""


def paths_of(ingress: Ingress) -> dict[str, tuple[HttpIngressPath, ...]]:
    """Host (`*` for all) to its paths, in the order written."""
    found: dict[str, list[HttpIngressPath]] = defaultdict(list)
    for rule in ingress.spec.rules:
        if rule.http is not None:
            found[rule.host or EVERY] += rule.http.paths
    return {host: tuple(paths) for host, paths in found.items()}


def forwarding(
    read: Read, namespace: str, host: str, paths: Iterable[HttpIngressPath]
) -> tuple[HttpRouteRule, ...]:
    """One rule for each path, to its backend."""
    return tuple(
        HttpRouteRule(matches=(_match(host, one),), backend_refs=(_backend(read, namespace, one.backend),))
        for one in paths
    )


def by_default(read: Read, namespace: str, backend: IngressBackend) -> HttpRouteRule:
    """Every request, to the default backend."""
    return HttpRouteRule(backend_refs=(_backend(read, namespace, backend),))


def to_https(
    host: str, paths: Iterable[HttpIngressPath], port: int, *, everything: bool
) -> tuple[HttpRouteRule, ...]:
    """The same requests, sent to HTTPS; `everything`: also those that match no path."""
    matches = [_match(host, one) for one in paths]
    if everything:
        matches.append(HttpRouteMatch(headers=_of_one_label(host)))
    redirect = RequestRedirect(scheme="https", port=None if port == _HTTPS else port, status_code=_PERMANENT)
    filters = (HttpRouteFilter(type="RequestRedirect", request_redirect=redirect),)
    return (HttpRouteRule(matches=tuple(matches), filters=filters),) if matches else ()


def _match(host: str, one: HttpIngressPath) -> HttpRouteMatch:
    type_: Literal["Exact", "PathPrefix"] = "Exact" if one.path_type == "Exact" else "PathPrefix"
    return HttpRouteMatch(path=HttpPathMatch(type=type_, value=one.path or "/"), headers=_of_one_label(host))


def _of_one_label(host: str) -> tuple[HttpHeaderMatch, ...]:
    """The `*` of an Ingress is one label, where that of a route is any number of them."""
    if host == EVERY or not is_wildcard(host):
        return ()
    rest = host[1:].replace(".", r"\.")
    pattern = rf"(?i)[^.]+{rest}(?::[0-9]+)?"
    return (HttpHeaderMatch(name="host", type="RegularExpression", value=pattern),)


def _backend(read: Read, namespace: str, backend: IngressBackend) -> HttpBackendRef:
    """What is no Service, and a port that is not there, are looked up as any other, and not found."""
    if backend.service is not None:
        port = _port(read, namespace, backend.service)
        return HttpBackendRef(name=backend.service.name, port=port)
    named = backend.resource or _NOTHING
    return HttpBackendRef(name=named.name, kind=named.kind, group=named.api_group or "")


def _port(read: Read, namespace: str, service: IngressServiceBackend) -> int | None:
    if service.port.number is not None:
        return service.port.number
    return _port_called(read, ResourceId("Service", namespace, service.name), service.port.name or "")


@query
def _port_called(read: Read, service: ResourceId, name: str) -> int | None:
    resource: Service | None = read.leaf(service)
    ports = () if resource is None else resource.spec.ports
    return next((one.port for one in ports if one.name == name and one.protocol == "TCP"), None)
