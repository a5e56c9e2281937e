"""TcpProxy: bytes of a connection, passed on unread."""

from collections.abc import Sequence
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, milliseconds, value
from sekisho.envoy.filters.on_demand import of_tcp_proxy
from sekisho.envoy.guard import through_guard
from sekisho.ir.tcp import BY_SERVER_NAME

NAME = "envoy.filters.network.tcp_proxy"
_TYPE = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
_FILTER_STATE = "envoy.extensions.filters.network.set_filter_state"
_ANNOUNCING = "envoy.filters.network.set_filter_state"
_ALPN_KEY = "envoy.network.application_protocols"
_SNI_KEY = "envoy.network.upstream_server_name"
CLUSTER_KEY = "envoy.tcp_proxy.cluster"
"""Envoy's own names for them."""


def tcp_proxy(
    name: str,
    wanted: ir.TcpForward,
    access_log: Sequence[dict[str, Any]] = (),
    *,
    max_connection_ms: int | None = None,
    on_demand: bool = False,
) -> dict[str, Any]:
    """A network filter; `name` is that of its statistics. `on_demand`: it asks for clusters it lacks."""
    fields: dict[str, Any] = {
        "stat_prefix": name,
        "access_log": access_log,
        "max_connect_attempts": value(wanted.connect_attempts),
        "hash_policy": [one for policy in wanted.hash_policies for one in _hash_policy(policy)],
        **_destination(wanted),
    }
    if wanted.idle_ms is not None:
        fields["idle_timeout"] = milliseconds(wanted.idle_ms)
    if max_connection_ms:
        fields["max_downstream_connection_duration"] = milliseconds(max_connection_ms)
    if on_demand:
        fields["on_demand"] = of_tcp_proxy()
    return extension(NAME, _TYPE, **fields)


def announced(alpn: str) -> list[dict[str, Any]]:
    """A network filter before the proxy: what TLS announces upstream, whatever its cluster says."""
    return [_noting(_ALPN_KEY, alpn)] if alpn else []


def named_alike() -> list[dict[str, Any]]:
    """A network filter before the proxy: its TLS upstream asks for the server name that was asked for."""
    return [_noting(_SNI_KEY, "%REQUESTED_SERVER_NAME%")]


def found_by_server_name(wanted: ir.TcpForward) -> list[dict[str, Any]]:
    """A network filter before the proxy: the cluster is called like the server name."""
    text = f"{BY_SERVER_NAME}%REQUESTED_SERVER_NAME%"
    return [_noting(CLUSTER_KEY, text)] if wanted.by_server_name else []


def _noting(key: str, text: str) -> dict[str, Any]:
    noted = {"object_key": key, "format_string": {"text_format_source": {"inline_string": text}}}
    return extension(_ANNOUNCING, f"{_FILTER_STATE}.v3.Config", on_new_connection=[noted])


def closed(name: str) -> dict[str, Any]:
    """A network filter that ends every connection."""
    return tcp_proxy(name, ir.TcpForward(shares=((ir.CLOSED, 1),)))


def _destination(wanted: ir.TcpForward) -> dict[str, Any]:
    if wanted.by_server_name:  # which is noted by then; without it, nowhere
        return {"cluster": ir.CLOSED}
    if len(wanted.shares) == 1:
        name = wanted.shares[0][0]
        return through_guard(name) if wanted.is_named else {"cluster": name}
    clusters = [{"name": name, "weight": weight} for name, weight in wanted.shares]
    return {"weighted_clusters": {"clusters": clusters}}


def _hash_policy(policy: ir.HashPolicy) -> list[dict[str, Any]]:
    """envoy.type.v3.HashPolicy; what only requests have is not there to be hashed."""
    match policy.kind:
        case "Connection":
            return [{"source_ip": {}}]
        case "FilterState":
            return [{"filter_state": {"key": policy.name}}]
        case _:
            return []
