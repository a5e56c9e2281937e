"""Listener: one bound socket, and a filter chain for each set of server names."""

from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from sekisho import ir
from sekisho.envoy.access_logs import access_logs
from sekisho.envoy.building import ADS, OFF, ON, extension, new, seconds, value
from sekisho.envoy.clusters import CONNECTION_BUFFER_BYTES
from sekisho.envoy.filters import http_filters
from sekisho.envoy.http_connection_manager import Side, http_connection_manager
from sekisho.envoy.refusals import refusals_told
from sekisho.envoy.scoped_routing import scoped_routing
from sekisho.envoy.server_names import chains_by_server_name
from sekisho.envoy.tcp import found_by_server_name, tcp_proxy
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP

CONNECTIONS_PER_CHAIN = 10_000
LISTENER_FILTERS_SECONDS = 5
HANDSHAKE_SECONDS = 10

_REMEMBERED = 8_192
"""Chains: each is some kilobytes."""

_TLS_VERSIONS = {"1.2": "TLSv1_2", "1.3": "TLSv1_3"}


def listener(wanted: ir.Listener) -> Any:
    """envoy.config.listener.v3.Listener

    With `enable_reuse_port` the kernel would give a taken port to a second Envoy of the same user without a
    word; without it, Envoy refuses the listener and says which address is in use. The workers then accept
    from one socket, so connections are dealt out evenly (`exact_balance`): whoever happens to wake first
    would otherwise keep most of the long-lived ones. It costs a lock per connection, nothing per request.
    """
    return new(
        "envoy.config.listener.v3.Listener",
        name=wanted.name,
        address=_address(wanted.address, wanted.port),
        enable_reuse_port=OFF,
        connection_balance_config={"exact_balance": {}},
        per_connection_buffer_limit_bytes=value(CONNECTION_BUFFER_BYTES),
        listener_filters=[_tls_inspector()] if any(map(_is_tls, wanted.chains)) else [],
        listener_filters_timeout=seconds(LISTENER_FILTERS_SECONDS),
        access_log=refusals_told() if any(map(_is_for_members, wanted.chains)) else [],
        **_filter_chains(wanted),
    )


def _filter_chains(wanted: ir.Listener) -> dict[str, Any]:
    """ListenerSets bring chains by the hundred, and most stay as they were when one comes or goes."""
    common = replace(wanted, name="", address="", chains=())
    if not any(chain.shared for chain in wanted.chains):
        return {"filter_chains": [_filter_chain(common, chain) for chain in wanted.chains]}
    return {
        "filter_chains": [_filter_chain(common, chain, matches=False) for chain in wanted.chains],
        "filter_chain_matcher": chains_by_server_name(wanted.chains),
    }


def _is_for_members(chain: ir.Chain) -> bool:
    return chain.tcp is not None and chain.tcp.by_server_name


def _is_tls(chain: ir.Chain) -> bool:
    return chain.tls is not None or bool(_match(chain))


def _address(address: str, port: int) -> dict[str, Any]:
    # An IPv6 wildcard socket serves IPv4 as well, as other servers' do.
    return {"socket_address": {"address": address, "port_value": port, "ipv4_compat": address == "::"}}


def _tls_inspector() -> dict[str, Any]:
    return extension(
        "envoy.filters.listener.tls_inspector",
        "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
    )


def _filter_chain(wanted: ir.Listener, chain: ir.Chain, *, matches: bool = True) -> Any:
    """envoy.config.listener.v3.FilterChain. `wanted`: what all chains of a listener share. `matches`: whether
    it says itself for which server names it is."""
    kept = replace(chain, server_names=()) if chain.shared else chain
    return _made(wanted, kept, matches=matches)


@lru_cache(maxsize=_REMEMBERED)
def _made(wanted: ir.Listener, chain: ir.Chain, *, matches: bool) -> Any:
    """To be copied."""
    readers = [_http(wanted, chain)] if chain.tcp is None else _tcp(wanted, chain.called, chain.tcp)
    fields: dict[str, Any] = {
        "name": chain.called,
        "filters": [_connection_limit(chain.called), *readers],
        "transport_socket_connect_timeout": seconds(HANDSHAKE_SECONDS),
    }
    if matches and (match := _match(chain)):
        fields["filter_chain_match"] = match
    if chain.tls:
        fields["transport_socket"] = _downstream_tls(chain.tls)
    return new("envoy.config.listener.v3.FilterChain", **fields)


def _match(chain: ir.Chain) -> dict[str, Any]:
    """envoy.config.listener.v3.FilterChainMatch. What looks for names behind them is for members alone."""
    if _is_for_members(chain):
        return {"transport_protocol": "tls", "application_protocols": [ALPN_HTTP2, ALPN_TCP]}
    return {"server_names": chain.server_names} if chain.server_names else {}


def _http(wanted: ir.Listener, chain: ir.Chain) -> dict[str, Any]:
    return http_connection_manager(
        Side.GATEWAY,
        chain.called,
        http_filters(wanted.filters, wanted.token_issuers),
        scoped_routing(chain),
        times=wanted.times,
        tracing=wanted.tracing,
        **({"access_log": access_logs(wanted.access_logs)} if wanted.access_logs else {}),
    )


def _tcp(wanted: ir.Listener, name: str, forward: ir.TcpForward) -> list[dict[str, Any]]:
    """envoy.config.listener.v3.Filter"""
    proxy = tcp_proxy(name, forward, access_logs(wanted.access_logs))
    return [*found_by_server_name(forward), proxy]


def _connection_limit(chain: str) -> dict[str, Any]:
    return extension(
        "envoy.filters.network.connection_limit",
        "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit",
        stat_prefix=chain,
        max_connections=value(CONNECTIONS_PER_CHAIN),
    )


def _downstream_tls(tls: ir.TlsTermination) -> dict[str, Any]:
    """Certificates come by SDS: until one is there, handshakes fail; nothing is served in the clear."""
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "tls_params": {
                "tls_minimum_protocol_version": _TLS_VERSIONS[tls.min_version],
                "tls_maximum_protocol_version": "TLSv1_3",
            },
            "tls_certificate_sds_secret_configs": [
                {"name": name, "sds_config": ADS} for name in tls.certificates
            ],
            "alpn_protocols": tls.alpn,
            **({} if tls.callers is None else _validation(tls.callers)),
        },
        **({"require_client_certificate": ON} if tls.callers is not None and tls.callers.required else {}),
    )


def _validation(callers: ir.CallerValidation) -> dict[str, Any]:
    """Until the authorities are there by SDS, there are no handshakes. Where no certificate is needed, one of
    a stranger is as good as none."""
    trust = "VERIFY_TRUST_CHAIN" if callers.required else "ACCEPT_UNTRUSTED"
    return {
        "combined_validation_context": {
            "default_validation_context": {"trust_chain_verification": trust},
            "validation_context_sds_secret_config": {"name": callers.authorities, "sds_config": ADS},
        }
    }
