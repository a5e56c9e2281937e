"""Cluster: where the requests of one service port go. Its endpoints come apart, by EDS, or from DNS."""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from sekisho import ir
from sekisho.envoy.balancing import load_balancing
from sekisho.envoy.building import ADS, extension, milliseconds, new, seconds, value
from sekisho.envoy.endpoints import cluster_load_assignment
from sekisho.envoy.guard import upstream_filters
from sekisho.envoy.health_checks import health_check
from sekisho.envoy.limits import circuit_breakers
from sekisho.envoy.outliers import outlier_detection
from sekisho.envoy.stats import figures_of_cluster
from sekisho.envoy.tunnels import through_tunnel
from sekisho.envoy.upstream_tls import transport
from sekisho.ir.transport import ALPN_HTTP2
from sekisho.kit.addresses import is_address
from sekisho.model.names import Origin, ResourceId

CONNECTION_BUFFER_BYTES = 32 * 1024
STREAM_WINDOW_BYTES = 64 * 1024
CONNECTION_WINDOW_BYTES = 1024 * 1024
CONCURRENT_STREAMS = 100

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_CLUSTER = "envoy.config.cluster.v3.Cluster"
_FIGURES = "envoy.config.metrics.v3.StatsMatcher"
_OF_ONE: dict[str, Any] = {
    "name": "",
    "hosts": None,
    "written_endpoints": None,
    "inside": "",
    "transport": None,
    "origin": Origin(ResourceId("", "", "")),
}
"""What is a cluster's own, emptied: what remains is its kind."""
_OVER_HTTP2 = {ir.Protocol.H2C, ir.Protocol.GRPC}
_KINDS = 4096
"""So many kinds of clusters are kept ready, with all the policies that make them differ."""


def cluster(wanted: ir.Cluster) -> Any:
    """envoy.config.cluster.v3.Cluster"""
    message = new(_CLUSTER)
    message.CopyFrom(_kind(replace(wanted, **_OF_ONE), _http(wanted)))
    message.name = wanted.name
    if wanted.transport is not None:
        bare = any(check.bare for check in wanted.health_checks)
        fields = transport(wanted.transport, bare_checks=bare)
        message.MergeFrom(new(_CLUSTER, **fields))
    if wanted.inside:
        message.MergeFrom(new(_CLUSTER, **through_tunnel(wanted.name, wanted.inside)))
    elif wanted.hosts is not None:
        message.MergeFrom(new(_CLUSTER, **_hosts(wanted.name, wanted.hosts)))
    elif wanted.written_endpoints is not None:
        found = cluster_load_assignment(wanted.written_endpoints)
        message.MergeFrom(new(_CLUSTER, cluster_type=_by_dns(), load_assignment=found))
    elif not wanted.original_destination:
        message.MergeFrom(_by_eds())
    for check in wanted.health_checks:
        message.health_checks.add(**health_check(check, _host(wanted.name), http2=http2(wanted)))
    return message


def outbound_cluster(wanted: ir.Cluster) -> Any:
    """envoy.config.cluster.v3.Cluster of a sidecar, which has many of them and little memory."""
    message = cluster(wanted)
    if not wanted.guarded:  # else the guard has figures in it as well, of those it refused
        message.stats_matcher.MergeFrom(new(_FIGURES, **figures_of_cluster(wanted.name)))
    return message


class _Http(Enum):
    """Which HTTP is spoken to the endpoints, where any is."""

    ONE = "HTTP/1.1"
    TWO = "HTTP/2"
    BETWEEN_SIDECARS = "HTTP/2 between sidecars"


def http2(wanted: ir.Cluster) -> bool:
    """Whether HTTP/2 is spoken to the endpoints."""
    return _http(wanted) is not _Http.ONE


def _http(wanted: ir.Cluster) -> _Http:
    between = wanted.transport
    if isinstance(between, ir.MeshTransport | ir.MembersTransport) and between.alpn == ALPN_HTTP2:
        return _Http.BETWEEN_SIDECARS
    return _Http.TWO if wanted.protocol in _OVER_HTTP2 else _Http.ONE


def _host(name: str) -> str:
    """`cart.shop` of `shop/cart/80`."""
    return ".".join(reversed(name.split("/")[:2]))


@lru_cache(_KINDS)
def _kind(wanted: ir.Cluster, spoken: _Http) -> Any:
    """All but the name and what goes with it: clusters come by the thousand and differ in little else."""
    fields: dict[str, Any] = {
        "connect_timeout": milliseconds(wanted.connect_timeout_ms),
        "per_connection_buffer_limit_bytes": value(CONNECTION_BUFFER_BYTES),
        "circuit_breakers": circuit_breakers(wanted.limits),
    }
    if wanted.original_destination:
        fields |= {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}
    else:
        fields |= load_balancing(wanted.balancing)
    if wanted.told_at_once:
        fields["common_lb_config"] = {**fields.get("common_lb_config", {}), "update_merge_window": seconds(0)}
    if wanted.outliers is not None:
        fields["outlier_detection"] = outlier_detection(wanted.outliers)
    if wanted.health_checks:
        # An endpoint that is gone is gone, however healthy it was.
        fields["ignore_health_on_host_removal"] = True
    if any(check.bare for check in wanted.health_checks):
        # Nobody is there any more: bytes would else wait on connections that nobody ended.
        fields["close_connections_on_host_health_failure"] = True
    message = new(_CLUSTER, **fields)
    if options := _http_options(wanted, spoken):
        message.typed_extension_protocol_options[HTTP_OPTIONS].Pack(new(HTTP_OPTIONS, **options))
    return message


@lru_cache(1)
def _by_eds() -> Any:
    return new(_CLUSTER, type="EDS", eds_cluster_config={"eds_config": ADS})


def _http_options(wanted: ir.Cluster, spoken: _Http) -> dict[str, Any]:
    """envoy.extensions.upstreams.http.v3.HttpProtocolOptions; empty where Envoy's own will do."""
    common: dict[str, Any] = {}
    if wanted.idle_timeout_ms is not None:
        common["idle_timeout"] = milliseconds(wanted.idle_timeout_ms)
    if wanted.max_connection_duration_ms:
        common["max_connection_duration"] = milliseconds(wanted.max_connection_duration_ms)
    if wanted.requests_per_connection is not None:
        common["max_requests_per_connection"] = value(wanted.requests_per_connection)
    if wanted.original_destination:
        return {"common_http_protocol_options": common, "use_downstream_protocol_config": _AS_IT_CAME}
    if spoken is _Http.ONE and not common and not wanted.guarded:
        return {}
    fields: dict[str, Any] = {"explicit_http_config": _explicit(wanted, spoken)}
    if wanted.guarded:
        fields["http_filters"] = upstream_filters()
    return fields | {"common_http_protocol_options": common} if common else fields


_HTTP2 = {
    "max_concurrent_streams": value(CONCURRENT_STREAMS),
    "initial_stream_window_size": value(STREAM_WINDOW_BYTES),
    "initial_connection_window_size": value(CONNECTION_WINDOW_BYTES),
}


def _explicit(wanted: ir.Cluster, spoken: _Http) -> dict[str, Any]:
    """envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig"""
    if spoken is _Http.ONE:
        return {"http_protocol_options": {}}
    http2 = _HTTP2 if wanted.streams is None else _HTTP2 | {"max_concurrent_streams": value(wanted.streams)}
    if spoken is _Http.TWO:  # to applications without pings: many gRPC servers hang up on who sends them
        return {"http2_protocol_options": http2}
    interval, timeout = map(milliseconds, wanted.ping)
    pings = {"connection_keepalive": {"interval": interval, "timeout": timeout}}
    return {"http2_protocol_options": http2 | pings}


_AS_IT_CAME = {"http_protocol_options": {}, "http2_protocol_options": _HTTP2}


def _hosts(name: str, hosts: Sequence[ir.Host]) -> dict[str, Any]:
    """Addresses as they are; names are looked up, as often as their records want."""
    fields: dict[str, Any] = {"type": "STATIC"}
    if not all(is_address(host.address) for host in hosts):
        fields = {"cluster_type": _by_dns()}
    priorities = sorted({host.priority for host in hosts})
    localities = [
        {
            "priority": number,
            "lb_endpoints": [_lb_endpoint(host) for host in hosts if host.priority == priority],
        }
        for number, priority in enumerate(priorities)
    ]
    return fields | {"load_assignment": {"cluster_name": name, "endpoints": localities}}


def _by_dns() -> dict[str, Any]:
    """envoy.config.cluster.v3.Cluster.CustomClusterType"""
    return extension(
        "envoy.clusters.dns",
        "envoy.extensions.clusters.dns.v3.DnsCluster",
        respect_dns_ttl=True,
        dns_lookup_family="V4_PREFERRED",
    )


def _lb_endpoint(host: ir.Host) -> dict[str, Any]:
    socket_address = {"address": host.address, "port_value": host.port}
    return {"endpoint": {"address": {"socket_address": socket_address}}}
