"""Guard: what a name leads to is looked at after it was looked up, and before anybody goes there.

Who owns a name decides where it leads, today and tomorrow: to a service that trusts this host, or to the
metadata service of a cloud, which hands out credentials to whoever asks from here. Addresses that are written
in a resource are judged where they are written (`model.validation`).
"""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import OFF, extension, seconds, value
from sekisho.envoy.limits import circuit_breakers

GUARD = "sekisho-guard"
"""Listener and cluster through which bytes go to clusters with looked-up names. Envoy alone reaches them."""
CLUSTER_HEADER = "x-sekisho-cluster"

SPECIAL_RANGES = (
    ("0.0.0.0", 8),  # noqa: S104 - this host on this network (RFC 791)
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("168.63.129.16", 32),  # the host of a virtual machine, of Azure
    ("100.100.100.200", 32),  # metadata, of Alibaba
    ("192.0.0.192", 32),  # metadata, of Oracle
    ("224.0.0.0", 4),
    ("255.255.255.255", 32),
    ("::", 127),
    ("::ffff:0:0", 96),  # an IPv4 address in disguise
    ("fe80::", 10),
    ("fd00:ec2::254", 128),  # metadata, of Amazon
    ("ff00::", 8),
)
"""Address and prefix length of what no name may lead to: RFC 6890, and metadata services of clouds."""

_CONNECTION_BUFFER_BYTES = 32 * 1024
_STREAM_WINDOW_BYTES, _CONNECTION_WINDOW_BYTES = 64 * 1024, 1024 * 1024
_STREAMS = 100
_LIMITS = ir.Limits(connections=1_024, pending_requests=10_000, requests=50_000)
"""Beyond what a proxy takes in; each destination has bounds of its own."""
_ROUTER = "envoy.extensions.filters.http.router.v3.Router"
_HTTP2 = {
    "max_concurrent_streams": value(_STREAMS),
    "initial_stream_window_size": value(_STREAM_WINDOW_BYTES),
    "initial_connection_window_size": value(_CONNECTION_WINDOW_BYTES),
}
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def upstream_filters() -> list[dict[str, Any]]:
    """Filters of a cluster whose names are looked up. They ask for each request and each attempt, when the
    endpoint was chosen and nobody connected to it yet; who is refused is answered 403."""
    policy = {"permissions": [_leads_to(*one) for one in SPECIAL_RANGES], "principals": [{"any": True}]}
    return [
        extension(
            "envoy.filters.http.upstream_rbac",
            "envoy.extensions.filters.http.rbac.v3.RBAC",
            rules={"action": "DENY", "policies": {"special-address": policy}},
        ),
        extension(
            "envoy.filters.http.upstream_codec",
            "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
        ),
    ]


def _leads_to(address: str, prefix: int) -> dict[str, Any]:
    matcher = extension(
        "envoy.rbac.matchers.upstream_ip_port",
        "envoy.extensions.rbac.matchers.upstream_ip_port.v3.UpstreamIpPortMatcher",
        upstream_ip={"address_prefix": address, "prefix_len": value(prefix)},
    )
    return {"matcher": matcher}


def through_guard(cluster: str) -> dict[str, Any]:
    """Fields of envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy: filters of clusters are for requests,
    so bytes go there as one (RFC 9113, 8.5), which the listener of the guard unwraps."""
    header = {"header": {"key": CLUSTER_HEADER, "value": cluster}}
    return {"cluster": GUARD, "tunneling_config": {"hostname": GUARD, "headers_to_add": [header]}}


def guard_listener() -> dict[str, Any]:
    """envoy.config.listener.v3.Listener without a socket. Connections of bytes have limits of time where
    they come in, and none here."""
    unbounded = seconds(0)
    upgrade = {"upgrade_type": "CONNECT", "connect_config": {}}
    route = {
        "match": {"connect_matcher": {}},
        "request_headers_to_remove": [CLUSTER_HEADER],
        "route": {
            "cluster_header": CLUSTER_HEADER,
            "upgrade_configs": [upgrade],
            "timeout": unbounded,
            "idle_timeout": unbounded,
        },
    }
    manager = extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=GUARD,
        codec_type="HTTP2",
        stream_idle_timeout=unbounded,
        http2_protocol_options={**_HTTP2, "allow_connect": True},
        upgrade_configs=[{"upgrade_type": "CONNECT"}],
        generate_request_id=OFF,
        http_filters=[extension("envoy.filters.http.router", _ROUTER)],
        route_config={
            "name": GUARD,
            "virtual_hosts": [{"name": GUARD, "domains": [GUARD], "routes": [route]}],
        },
    )
    return {
        "name": GUARD,
        "internal_listener": {},
        "per_connection_buffer_limit_bytes": value(_CONNECTION_BUFFER_BYTES),
        "filter_chains": [{"name": GUARD, "filters": [manager]}],
    }


def guard_cluster() -> dict[str, Any]:
    """envoy.config.cluster.v3.Cluster that leads to the listener of the guard."""
    options = extension(_OPTIONS, _OPTIONS, explicit_http_config={"http2_protocol_options": _HTTP2})
    endpoint = {"endpoint": {"address": {"envoy_internal_address": {"server_listener_name": GUARD}}}}
    return {
        "name": GUARD,
        "type": "STATIC",
        "connect_timeout": seconds(1),
        "per_connection_buffer_limit_bytes": value(_CONNECTION_BUFFER_BYTES),
        "circuit_breakers": circuit_breakers(_LIMITS),
        "load_assignment": {"cluster_name": GUARD, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {_OPTIONS: options["typed_config"]},
    }
