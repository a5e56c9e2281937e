"""Listener: one port of a workload, as others call it; who they are is settled before a byte is passed on."""

from collections.abc import Iterator
from typing import Any

from sekisho import ir
from sekisho.envoy.access_logs import SUBJECT as LOGS
from sekisho.envoy.access_logs import access_logs_by_caller
from sekisho.envoy.building import OFF
from sekisho.envoy.choices import Choice
from sekisho.envoy.faults import faults
from sekisho.envoy.filters import router
from sekisho.envoy.http_connection_manager import Side, http_connection_manager
from sekisho.envoy.inbound_routes import guarded, inbound_routing, times_finder, times_of_everybody
from sekisho.envoy.known_callers import caller_noted
from sekisho.envoy.mesh_tls import mutual_tls
from sekisho.envoy.rate_limits import connection_rate_limit, request_rate_limit
from sekisho.envoy.rbac import http_rbac, network_rbac, one_identity
from sekisho.envoy.refusals import refusals_told
from sekisho.envoy.sockets import TLS_INSPECTOR, filter_chain, original_source, sidecar_listener
from sekisho.envoy.tcp import tcp_proxy
from sekisho.envoy.tokens import token_filter
from sekisho.ir.sidecar import TRANSPARENT_MARK
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP

OPEN, PLAINTEXT, FOREIGN_TLS = "open", "plaintext", "foreign-tls"
"""Names of the chains without mutual TLS: a mesh without identities; the two of permissive mode."""


def inbound_listener(wanted: ir.Inbound) -> Any:
    """envoy.config.listener.v3.Listener

    ValueError for a port whose denials ask about requests that nobody would read.
    """
    if not wanted.inspected and _denies_requests(wanted.permissions):
        raise ValueError(f"{wanted.name}: a denial asks about requests, which are not read on this port")
    captured: dict[str, Any] = {} if wanted.bound else {"bind_to_port": OFF}
    inspectors = [TLS_INSPECTOR] if wanted.tls else []
    sources = [original_source(TRANSPARENT_MARK)] if wanted.transparent else []
    return sidecar_listener(
        wanted.name,
        [wanted.address],
        wanted.port,
        "INBOUND",
        inbound_chains(wanted),
        listener_filters=[*sources, *inspectors],
        takes_silence=_may_begin(wanted),
        access_log=refusals_told() if wanted.tls else [],
        **captured,
    )


def _may_begin(wanted: ir.Inbound) -> bool:
    """Whether the application may speak first to callers without TLS, as no HTTP server does.

    Only where all of them are let in: RBAC asks with the caller's first byte, and who says nothing would be
    told something before.
    """
    permissive = wanted.tls is not None and wanted.tls.mode is ir.MutualTlsMode.PERMISSIVE
    rules = wanted.permissions.rules
    everybody = any(rule.effect is ir.Effect.ALLOW and rule.caller == ir.Caller() for rule in rules)
    unbarred = everybody and all(rule.effect is ir.Effect.ALLOW for rule in rules)
    return permissive and unbarred and not wanted.inspected and wanted.protocol is ir.Protocol.TCP


def _denies_requests(permissions: ir.Permissions) -> bool:
    return any(rule.effect is ir.Effect.DENY and rule.caller.needs_http for rule in permissions.rules)


def inbound_chains(wanted: ir.Inbound) -> list[dict[str, Any]]:
    """envoy.config.listener.v3.FilterChain, for each way in which callers may come."""
    return list(_chains(wanted))


def _chains(wanted: ir.Inbound) -> Iterator[dict[str, Any]]:
    if wanted.tls is None:
        yield filter_chain(OPEN, _as_it_comes(wanted))
        return
    if wanted.inspected or wanted.protocol is not ir.Protocol.TCP:
        yield _members(wanted.tls, ALPN_HTTP2, [caller_noted(), *_http(wanted, Side.MEMBERS)])
    unread = None if wanted.inspected else wanted.permissions
    yield _members(wanted.tls, ALPN_TCP, _as_it_comes(wanted), unread)
    if wanted.tls.mode is ir.MutualTlsMode.PERMISSIVE:
        yield filter_chain(PLAINTEXT, _as_it_comes(wanted), {"transport_protocol": "raw_buffer"})
        # The application's own TLS: nobody here can read it.
        yield filter_chain(FOREIGN_TLS, _bytes(wanted), {"transport_protocol": "tls"})


def _members(
    tls: ir.MutualTls,
    alpn: str,
    filters: list[dict[str, Any]],
    permissions: ir.Permissions | None = None,
) -> dict[str, Any]:
    match = {"transport_protocol": "tls", "application_protocols": [alpn]}
    return filter_chain(alpn, [one_identity(), *filters], match, mutual_tls(tls, alpn, permissions))


def _as_it_comes(wanted: ir.Inbound) -> list[dict[str, Any]]:
    """The application's own bytes; read as HTTP of any version where something here needs it."""
    return _http(wanted, Side.INBOUND) if wanted.inspected else _bytes(wanted)


def _http(wanted: ir.Inbound, side: Side) -> list[dict[str, Any]]:
    """envoy.config.listener.v3.Filter"""
    manager = http_connection_manager(
        side,
        wanted.name,
        _http_filters(wanted),
        inbound_routing(wanted),
        times=times_of_everybody(wanted),
        tracing=wanted.tracing,
        codec_type="HTTP2" if side is Side.MEMBERS else "AUTO",
        access_log=access_logs_by_caller(wanted.access_logs, Choice(LOGS, over_http=True)),
    )
    return [*connection_rate_limit(wanted.connection_rate, wanted.name), manager]


def _http_filters(wanted: ir.Inbound) -> list[dict[str, Any]]:
    """In order. Logs are told apart first, for they are also of those who are not let in; but for that it has
    to be known who calls."""
    return [
        *token_filter(wanted.token_issuers),
        *Choice(LOGS, over_http=True).finder(wanted.access_logs),
        *(http_rbac() if guarded(wanted) else ()),
        *times_finder(wanted),
        *Choice("faults", over_http=True).filters(wanted.faults, faults),
        *Choice("rate_limits", over_http=True).filters(wanted.rate_limits, request_rate_limit),
        router.quiet_http_filter(),
    ]


def _bytes(wanted: ir.Inbound) -> list[dict[str, Any]]:
    """envoy.config.listener.v3.Filter"""
    logs = Choice(LOGS, over_http=False)
    times = times_of_everybody(wanted)
    forward = ir.TcpForward(shares=((wanted.leads_to, 1),), is_named=wanted.is_named, idle_ms=times.idle)
    log = access_logs_by_caller(wanted.access_logs, logs)
    return [
        *logs.finder(wanted.access_logs),
        *(network_rbac(wanted.permissions, wanted.name) if guarded(wanted) else ()),
        *connection_rate_limit(wanted.connection_rate, wanted.name),
        tcp_proxy(wanted.name, forward, log, max_connection_ms=times.max_connection),
    ]
