"""Listener for datagrams: where each caller's go, by weight."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import ON, extension, new
from sekisho.envoy.sockets import address_of

_INPUT = "envoy.extensions.matching.common_inputs.network.v3.SourcePortInput"
_HASHING = "envoy.extensions.matching.input_matchers.consistent_hashing.v3.ConsistentHashing"
_PROXY = "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig"
_ROUTE = "envoy.extensions.filters.udp.udp_proxy.v3.Route"


def udp_listener(wanted: ir.UdpListener) -> Any:
    """envoy.config.listener.v3.Listener

    Every worker has a socket of its own (`enable_reuse_port`): Envoy takes no other way for datagrams, so a
    port that another Envoy of the same user has taken is shared with it and not refused, as for TCP.
    """
    address = address_of(wanted.address, wanted.port)
    address["socket_address"]["protocol"] = "UDP"
    return new(
        "envoy.config.listener.v3.Listener",
        name=wanted.name,
        address=address,
        enable_reuse_port=ON,
        udp_listener_config={"downstream_socket_config": {}},
        listener_filters=[_udp_proxy(wanted)],
    )


def _udp_proxy(wanted: ir.UdpListener) -> dict[str, Any]:
    return extension(
        "envoy.filters.udp_listener.udp_proxy",
        _PROXY,
        stat_prefix=wanted.name,
        matcher=_by_weight(wanted.shares),
    )


def _by_weight(shares: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    """xds.type.matcher.v3.Matcher: Envoy has no weights for datagrams, so the caller's port is hashed to a
    number below their sum. All share one hash, and each has what those before it left."""
    total = sum(weight for _, weight in shares)
    *first, (last, _) = shares
    matchers, threshold = [], total
    for cluster, weight in first:
        threshold -= weight
        matchers.append({"predicate": _at_least(threshold, total), "on_match": _to(cluster)})
    listed = {"matcher_list": {"matchers": matchers}} if matchers else {}
    return {**listed, "on_no_match": _to(last)}


def _at_least(threshold: int, modulo: int) -> dict[str, Any]:
    """xds.type.matcher.v3.Matcher.MatcherList.Predicate"""
    hashed = extension("by_hash", _HASHING, threshold=threshold, modulo=modulo)
    return {"single_predicate": {"input": extension("source_port", _INPUT), "custom_match": hashed}}


def _to(cluster: str) -> dict[str, Any]:
    """xds.type.matcher.v3.Matcher.OnMatch"""
    return {"action": extension("route", _ROUTE, cluster=cluster)}
