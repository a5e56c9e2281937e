"""Listener: captured connections to addresses that are not of the mesh, let through or closed.

Envoy picks a chain by one property after the other and never goes back: a chain for a port hides all chains
for any port. So what is let through, or closed, on any port is repeated for each port that is named.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any

from sekisho import ir
from sekisho.envoy.building import OFF, ON, milliseconds, value
from sekisho.envoy.captured import CLOSED_CHAIN
from sekisho.envoy.filters import router
from sekisho.envoy.http_connection_manager import STREAM_IDLE_MS, Side, http_connection_manager
from sekisho.envoy.sockets import (
    HTTP_INSPECTOR,
    ORIGINAL_DESTINATION,
    TLS_INSPECTOR,
    both_families,
    filter_chain,
    sidecar_listener,
)
from sekisho.envoy.tcp import closed, tcp_proxy

_PLAIN_HTTP = frozenset({"http", "http2", "grpc"})
_HTTP_VERSIONS = ["http/1.0", "http/1.1", "h2c"]


def passthrough_listener(wanted: ir.Passthrough) -> Any:
    """envoy.config.listener.v3.Listener; those of the mesh are taken over by their own listeners."""
    fields: dict[str, Any] = {"use_original_dst": ON}
    if wanted.transparent:
        fields["transparent"] = ON
    if wanted.everything:
        fields["default_filter_chain"] = filter_chain("everything", [_through(wanted)])
    return sidecar_listener(
        wanted.name,
        both_families(wanted.address),
        wanted.port,
        "OUTBOUND",
        [_loop_guard(wanted), *_matched(wanted)],
        listener_filters=_inspectors(wanted),
        **fields,
    )


def _loop_guard(wanted: ir.Passthrough) -> dict[str, Any]:
    """Who calls this very socket would be sent to it, for ever."""
    return filter_chain(CLOSED_CHAIN, [closed(wanted.name)], {"destination_port": value(wanted.port)})


def _through(wanted: ir.Passthrough) -> dict[str, Any]:
    return tcp_proxy(wanted.name, ir.TcpForward(shares=((wanted.name, 1),)))


def _inspectors(wanted: ir.Passthrough) -> list[dict[str, Any]]:
    named = [match for match in _restrictions(wanted) if match.hostnames]
    inspectors = [ORIGINAL_DESTINATION]
    if named:
        inspectors.append(TLS_INSPECTOR)
    if any(match.protocol in _PLAIN_HTTP for match in named):
        inspectors.append(HTTP_INSPECTOR)
    return inspectors


def _restrictions(wanted: ir.Passthrough) -> Sequence[ir.PassthroughMatch]:
    return () if wanted.everything else wanted.matches


def _matched(wanted: ir.Passthrough) -> Iterator[dict[str, Any]]:
    matches = _restrictions(wanted)
    for port in sorted({match.port for match in matches} | ({0} if wanted.closed else set())):
        if port != wanted.port:
            here = [match for match in matches if match.port in {0, port}]
            yield from _for_port(wanted, port, here)


def _for_port(
    wanted: ir.Passthrough, port: int, matches: Sequence[ir.PassthroughMatch]
) -> Iterator[dict[str, Any]]:
    base = {"destination_port": value(port)} if port else {}
    if wanted.closed:
        prefixes = {"prefix_ranges": [_cidr_range(each) for each in wanted.closed]}
        yield filter_chain(f"{CLOSED_CHAIN}/{port}", [closed(wanted.name)], base | prefixes)
    ranges = {each for match in matches for each in match.ranges}
    if let_out := sorted(each for each in ranges if not _is_within(each, wanted.closed)):
        prefixes = {"prefix_ranges": [_cidr_range(each) for each in let_out]}
        yield filter_chain(f"ranges/{port}", [_through(wanted)], base | prefixes)
    if names := _hostnames(matches, http=False):
        by_name = {"server_names": names, "transport_protocol": "tls"}
        yield filter_chain(f"tls/{port}", [_through(wanted)], base | by_name)
    if hosts := _hostnames(matches, http=True):
        by_version = {"transport_protocol": "raw_buffer", "application_protocols": _HTTP_VERSIONS}
        yield filter_chain(f"http/{port}", [_by_host(wanted, port, hosts)], base | by_version)


def _hostnames(matches: Sequence[ir.PassthroughMatch], *, http: bool) -> list[str]:
    return sorted(
        {name for match in matches if (match.protocol in _PLAIN_HTTP) is http for name in match.hostnames}
    )


def _is_within(text: str, ranges: Sequence[str]) -> bool:
    """Whether it would be the narrower one, which Envoy prefers, or the same, which it refuses."""
    inner = ip_network(text, strict=False)
    outer = (ip_network(each) for each in ranges)
    return any(inner.version == each.version and inner.subnet_of(each) for each in outer)  # type: ignore[arg-type]


def _cidr_range(text: str) -> dict[str, Any]:
    network = ip_network(text, strict=False)
    return {"address_prefix": str(network.network_address), "prefix_len": value(network.prefixlen)}


def _by_host(wanted: ir.Passthrough, port: int, hosts: list[str]) -> dict[str, Any]:
    """Requests for other hosts are answered 404."""
    action = {"cluster": wanted.name, "timeout": {}, "idle_timeout": milliseconds(STREAM_IDLE_MS)}
    route = {"match": {"prefix": "/"}, "route": action}
    routes = {
        "name": f"{wanted.name}/{port}",
        "virtual_hosts": [{"name": "matched", "domains": hosts, "routes": [route]}],
        "ignore_port_in_host_matching": True,
        "validate_clusters": OFF,
    }
    return http_connection_manager(
        Side.OUTBOUND, wanted.name, [router.quiet_http_filter()], {"route_config": routes}
    )
