"""Listener: what the sockets of sidecars have in common, whether they are bound or handed connections."""

from collections.abc import Sequence
from typing import Any, Literal

from sekisho.envoy.building import OFF, extension, new, seconds, value
from sekisho.envoy.clusters import CONNECTION_BUFFER_BYTES

LISTENER_FILTERS_SECONDS = 5
SILENCE_SECONDS = 1
"""A ClientHello comes with the first packet: a second is time to lose it once."""
HANDSHAKE_SECONDS = 10

_ANY_IPV4, _ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - connections are redirected to it, whatever they were for

Direction = Literal["INBOUND", "OUTBOUND"]

ORIGINAL_DESTINATION = extension(
    "envoy.filters.listener.original_dst",
    "envoy.extensions.filters.listener.original_dst.v3.OriginalDst",
)
TLS_INSPECTOR = extension(
    "envoy.filters.listener.tls_inspector",
    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
)
HTTP_INSPECTOR = extension(
    "envoy.filters.listener.http_inspector",
    "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
)


def original_source(mark: int) -> dict[str, Any]:
    """A listener filter: connections to the application are made from the caller's address, and marked."""
    return extension(
        "envoy.filters.listener.original_src",
        "envoy.extensions.filters.listener.original_src.v3.OriginalSrc",
        mark=mark,
    )


def sidecar_listener(
    name: str,
    addresses: Sequence[str],
    port: int,
    direction: Direction,
    chains: Sequence[dict[str, Any]],
    *,
    listener_filters: Sequence[dict[str, Any]] = (),
    takes_silence: bool = False,
    **fields: Any,
) -> Any:
    """envoy.config.listener.v3.Listener; `addresses`: at least one. `takes_silence`: who says nothing for
    `SILENCE_SECONDS` is taken for one without TLS that waits for the server to begin, and not shut out.

    A taken port is refused and reported instead of shared (`enable_reuse_port`), as for gateways.
    """
    alone = len(addresses) == 1
    first, *others = (address_of(address, port, ipv4_too=alone) for address in addresses)
    return new(
        "envoy.config.listener.v3.Listener",
        name=name,
        address=first,
        additional_addresses=[{"address": each} for each in others],
        traffic_direction=direction,
        enable_reuse_port=OFF,
        per_connection_buffer_limit_bytes=value(CONNECTION_BUFFER_BYTES),
        listener_filters=listener_filters,
        listener_filters_timeout=seconds(SILENCE_SECONDS if takes_silence else LISTENER_FILTERS_SECONDS),
        continue_on_listener_filters_timeout=takes_silence,
        filter_chains=chains,
        **fields,
    )


def both_families(address: str) -> Sequence[str]:
    """An address, and for that of all IPv4 interfaces the one of IPv6 too, on a socket of its own."""
    return [address, _ANY_IPV6] if address == _ANY_IPV4 else [address]


def address_of(address: str, port: int, *, ipv4_too: bool = True) -> dict[str, Any]:
    """envoy.config.core.v3.Address; `ipv4_too`: an IPv6 wildcard socket serves IPv4 as well, as usual."""
    compatible = ipv4_too and address == _ANY_IPV6
    return {"socket_address": {"address": address, "port_value": port, "ipv4_compat": compatible}}


def filter_chain(
    name: str,
    filters: Sequence[dict[str, Any]],
    match: dict[str, Any] | None = None,
    transport_socket: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """envoy.config.listener.v3.FilterChain; without `match` it is for all connections."""
    fields: dict[str, Any] = {"name": name, "filters": filters}
    if match:
        fields["filter_chain_match"] = match
    if transport_socket:
        fields["transport_socket"] = transport_socket
        fields["transport_socket_connect_timeout"] = seconds(HANDSHAKE_SECONDS)
    return fields
