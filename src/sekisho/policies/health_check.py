"""HealthCheck: the proxy asks endpoints whether they are well, where it may ask whoever a name leads to."""

import base64

from msgspec.structs import replace

from sekisho import ir
from sekisho.ir.traffic import HealthCheck
from sekisho.ir.transport import ServerTls
from sekisho.model.policies.health_check import (
    GrpcHealthCheck,
    HealthCheckDefault,
    HealthCheckHeaders,
    HttpHealthCheck,
    TcpHealthCheck,
)
from sekisho.policies.values import milliseconds_or, pairs

_HTTP = frozenset({ir.Protocol.HTTP1, ir.Protocol.H2C, ir.Protocol.WEBSOCKET})
_PLAIN = HealthCheck(kind="tcp")


def cluster(node: ir.Cluster, conf: HealthCheckDefault) -> ir.Cluster:
    """One check, in the destination's protocol where there is one for it, by TCP else."""
    if conf.fail_traffic_on_panic is not None:
        balancing = replace(node.balancing, fail_on_panic=conf.fail_traffic_on_panic)
        node = replace(node, balancing=balancing)
    check = _check(node.protocol, conf) if may_ask(node) else None
    return node if check is None else replace(node, health_checks=(_timed(check, conf),))


def may_ask(node: ir.Cluster) -> bool:
    """Whether endpoints may be asked. What a name leads to is guarded for calls (`envoy.guard`), which checks
    pass by: so only a server that proves to be called so is told anything. This host, or a metadata service,
    to which the owner of a name could make it lead, cannot."""
    if not node.guarded:
        return True
    tls = node.transport
    if not isinstance(tls, ServerTls) or tls.verify != "all" or tls.alternative_names:
        return False
    return any(host.address == tls.server_name for host in node.hosts or ())


def _check(protocol: ir.Protocol, conf: HealthCheckDefault) -> HealthCheck | None:
    if protocol is ir.Protocol.GRPC and conf.grpc and not conf.grpc.disabled:
        return _grpc(conf.grpc)
    if protocol in _HTTP and conf.http and not conf.http.disabled:
        return _http(conf.http)
    if conf.tcp and not conf.tcp.disabled:
        return _tcp(conf.tcp)
    return None


def _timed(check: HealthCheck, conf: HealthCheckDefault) -> HealthCheck:
    return replace(
        check,
        interval_ms=milliseconds_or(conf.interval, check.interval_ms),
        timeout_ms=milliseconds_or(conf.timeout, check.timeout_ms),
        unhealthy_threshold=conf.unhealthy_threshold or check.unhealthy_threshold,
        healthy_threshold=conf.healthy_threshold or check.healthy_threshold,
        initial_jitter_ms=milliseconds_or(conf.initial_jitter, check.initial_jitter_ms),
        interval_jitter_ms=milliseconds_or(conf.interval_jitter, check.interval_jitter_ms),
        interval_jitter_percent=conf.interval_jitter_percent or 0,
        no_traffic_interval_ms=milliseconds_or(conf.no_traffic_interval, check.no_traffic_interval_ms),
        reuse_connection=conf.reuse_connection is not False,
    )


def _tcp(asked: TcpHealthCheck) -> HealthCheck:
    return HealthCheck(
        kind="tcp",
        send=base64.b64decode(asked.send or ""),
        receive=tuple(base64.b64decode(one) for one in asked.receive or ()),
    )


def _http(asked: HttpHealthCheck) -> HealthCheck:
    headers = asked.request_headers_to_add or HealthCheckHeaders()
    return HealthCheck(
        kind="http",
        path=asked.path or _PLAIN.path,
        headers=(*pairs(headers.set), *pairs(headers.add)),
        expected_statuses=tuple(sorted(asked.expected_statuses or _PLAIN.expected_statuses)),
    )


def _grpc(asked: GrpcHealthCheck) -> HealthCheck:
    return HealthCheck(kind="grpc", service=asked.service_name or "", authority=asked.authority or "")
