"""ExternalAuth filters (GEP-1494): who is asked whether a request may pass."""

from sekisho import ir
from sekisho.engine import Read
from sekisho.model.httpfilters import ExternalAuth
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.backends import (
    Broken,
    is_guarded_for_calls_alone,
    resolve,
    service_port,
    way_of,
)
from sekisho.translate.gateway.filters import Fault

_ALWAYS_SHOWN = frozenset({"authorization", "content-length", "host", "method", "path"})
"""What an authorizer by HTTP sees in any case."""
_FOR_GRPC = (ir.Protocol.H2C, ir.Protocol.GRPC)


def authorizer(
    read: Read, route: ResourceId, wanted: ExternalAuth, exempt: str
) -> ir.Authorizer | Broken | Fault:
    """Whom to ask, or why nobody can be: then the rule's requests are refused, never let through.

    `exempt`: see `backends.resolve`.
    """
    if exempt:
        return Fault("UnsupportedValue", "ExternalAuth is for Gateways: sidecars do not ask anybody")
    cluster = resolve(read, route, wanted.backend_ref)
    if isinstance(cluster, Broken):
        return cluster
    if is_guarded_for_calls_alone(read, cluster):
        return Broken("InvalidKind", "whoever owns a host name would say whom we ask; ask a Service")
    if wanted.protocol == "GRPC":
        return _by_grpc(read, cluster, wanted)
    details = wanted.http
    return ir.Authorizer(
        cluster=cluster,
        protocol="HTTP",
        path_prefix=(details.path or "").rstrip("/") if details is not None else "",
        request_headers=_shown(details.allowed_headers) if details is not None else (),
        response_headers=_lower(details.allowed_response_headers) if details is not None else (),
        max_body=_body(wanted),
    )


def _by_grpc(read: Read, cluster: str, wanted: ExternalAuth) -> ir.Authorizer | Broken:
    """Unlike for GRPCRoutes, the Service must say so: nobody else speaks gRPC to it only because of us."""
    way = way_of(cluster)
    if way.service.kind == "Service":
        found = service_port(read, way.service, way.port)
        if isinstance(found, Broken):
            return found
        if found.protocol not in _FOR_GRPC:
            message = f"{way.service} port {way.port} has no appProtocol kubernetes.io/h2c, which gRPC needs"
            return Broken("UnsupportedProtocol", message)
    only = tuple(sorted({*_lower(wanted.grpc.allowed_headers)})) if wanted.grpc is not None else ()
    return ir.Authorizer(cluster=cluster, protocol="GRPC", request_headers=only, max_body=_body(wanted))


def _shown(names: tuple[str, ...]) -> tuple[str, ...]:
    """Sorted, without those that are shown in any case."""
    return tuple(sorted({*_lower(names)} - _ALWAYS_SHOWN))


def _lower(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _body(wanted: ExternalAuth) -> int:
    return (wanted.forward_body.max_size or 0) if wanted.forward_body is not None else 0
