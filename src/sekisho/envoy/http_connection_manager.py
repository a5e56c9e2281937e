"""HttpConnectionManager: the HTTP side of one filter chain, hardened alike wherever it stands.

Gateways, inbounds and outbounds have one builder, so that what was made safe for one is safe for all; they
differ in whom they trust and in how long they wait. It mentions no route but those of an inbound, which has
nothing to route: no change of a route changes a listener.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from sekisho import ir
from sekisho.envoy.building import OFF, ON, extension, milliseconds, seconds, value
from sekisho.envoy.clusters import CONCURRENT_STREAMS, CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES
from sekisho.envoy.tracing import tracing as tracing_fields

NAME = "envoy.filters.network.http_connection_manager"
TYPE = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

HEADERS_KB = 60
HEADERS_COUNT = 100
CONNECTION_IDLE_MS = 3_600_000
CONNECTION_AGE_SECONDS = 3600
STREAM_IDLE_MS = 300_000
REQUEST_SECONDS = 300
"""Until the last byte of the request has come."""
REQUEST_HEADERS_MS = 10_000


CALLER_HEADER = "x-forwarded-client-cert"
"""In which the application reads who calls, as Envoy writes it elsewhere: `URI=<SPIFFE ID>`."""
MEMBERS_PING_SECONDS = 30
"""How often it is asked whether a caller is still there, and how long its answer may take."""


class Side(Enum):
    """Where the connections come from."""

    GATEWAY = "gateway"
    """Anybody: nothing a client says about itself is believed."""
    INBOUND = "inbound"
    """Anybody who reaches a workload; the application is told whose certificate it was."""
    MEMBERS = "members"
    """Other workloads, by HTTP/2 over mutual TLS; the application is told which."""
    OUTBOUND = "outbound"
    """The application this proxy stands beside."""


_TELL_THE_CALLER: Mapping[str, Any] = {
    "use_remote_address": OFF,
    # Who has no certificate sends none: Envoy takes off what `_SAYS_WHO_CALLS` wrote for them.
    "forward_client_cert_details": "FORWARD_ONLY",
}
_TRUST: Mapping[Side, Mapping[str, Any]] = {
    Side.GATEWAY: {"use_remote_address": ON, "forward_client_cert_details": "SANITIZE"},
    Side.INBOUND: _TELL_THE_CALLER,
    Side.MEMBERS: _TELL_THE_CALLER,
    Side.OUTBOUND: {"use_remote_address": OFF, "forward_client_cert_details": "SANITIZE"},
}

_RESERVED_HEADERS = {"remove_on_match": {"key_matcher": {"prefix": "x-sekisho-"}}}
_SAYS_WHO_CALLS = {
    "append": {
        "header": {"key": CALLER_HEADER, "value": "URI=%DOWNSTREAM_PEER_URI_SAN%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
}
"""In place of whatever the caller says. `SANITIZE_SET` cannot leave out the hash of the certificate and our
own name, which are 1 % of the work of two sidecars."""


def http_connection_manager(
    side: Side,
    name: str,
    http_filters: Sequence[dict[str, Any]],
    routing: Mapping[str, Any],
    *,
    times: ir.Times | None = None,
    tracing: ir.Tracing | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A network filter with an HttpConnectionManager.

    `routing`: the route specifier, and what it needs beside it. `fields`: what only some have, such as
    `codec_type` and `access_log`.
    """
    if tracing is not None:
        fields["tracing"] = tracing_fields(tracing)
    return extension(
        NAME,
        TYPE,
        stat_prefix=name,
        http_filters=http_filters,
        **routing,
        **_time_limits(side, times or ir.Times()),
        **_protocols(side, times or ir.Times()),
        **_TRUST[side],
        **_normalisation(),
        **({} if side is Side.GATEWAY else _quiet(side, request_id=tracing is not None)),
        **fields,
    )


def _time_limits(side: Side, times: ir.Times) -> dict[str, Any]:
    """A clock that is set for each request is work for each request: none runs where another one serves.

    An application is not made to hurry, and what it waits for has a limit of its own (`route_tables.py`).
    That limit holds on the other side of the mesh as well, where streams end with those of the caller, or
    with its connection when it does not answer pings.
    """
    bounded = side in {Side.OUTBOUND, Side.MEMBERS}
    headers_ms = REQUEST_HEADERS_MS if side in {Side.GATEWAY, Side.INBOUND} else 0
    limits: dict[str, Any] = {
        "stream_idle_timeout": milliseconds(_first(times.stream_idle, 0 if bounded else STREAM_IDLE_MS)),
        "request_headers_timeout": milliseconds(_first(times.request_headers, headers_ms)),
        # A connection that is too old is closed between requests, not under one.
        "http1_safe_max_connection_duration": True,
    }
    if side is Side.GATEWAY:
        limits["request_timeout"] = seconds(REQUEST_SECONDS)
    return limits


def _first(said: int | None, otherwise: int) -> int:
    return otherwise if said is None else said


def _protocols(side: Side, times: ir.Times) -> dict[str, Any]:
    http2: dict[str, Any] = {
        "max_concurrent_streams": value(CONCURRENT_STREAMS),
        "initial_stream_window_size": value(STREAM_WINDOW_BYTES),
        "initial_connection_window_size": value(CONNECTION_WINDOW_BYTES),
        "allow_connect": True,  # RFC 8441, WebSocket over HTTP/2; a plain CONNECT still finds no route
    }
    if side is Side.MEMBERS:
        ping = seconds(MEMBERS_PING_SECONDS)
        http2["connection_keepalive"] = {"interval": ping, "timeout": ping}
    return {
        "max_request_headers_kb": value(HEADERS_KB),
        "common_http_protocol_options": _common_options(side, times),
        "http2_protocol_options": http2,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }


def _common_options(side: Side, times: ir.Times) -> dict[str, Any]:
    """envoy.config.core.v3.HttpProtocolOptions. Applications may use underscores among themselves.

    They keep connections to their own proxy for as long as they like: it is their pool, and that clock, too,
    would be set by each request.
    """
    idle_ms = 0 if side is Side.OUTBOUND else CONNECTION_IDLE_MS
    options: dict[str, Any] = {
        "idle_timeout": milliseconds(_first(times.idle, idle_ms)),
        "max_headers_count": value(HEADERS_COUNT),
    }
    if side is Side.GATEWAY:
        options["headers_with_underscores_action"] = "REJECT_REQUEST"
        options["max_connection_duration"] = seconds(CONNECTION_AGE_SECONDS)
    if times.max_connection:
        options["max_connection_duration"] = milliseconds(times.max_connection)
    if times.max_stream:
        options["max_stream_duration"] = milliseconds(times.max_stream)
    return options


def _normalisation() -> dict[str, Any]:
    """One spelling for every path and host, so that what a rule protects has no second name."""
    return {
        "normalize_path": ON,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "strip_trailing_host_dot": True,
        "xff_num_trusted_hops": 0,
    }


def _quiet(side: Side, *, request_id: bool) -> dict[str, Any]:
    """A sidecar is not there, as far as the application can see."""
    fields: dict[str, Any] = {
        "server_header_transformation": "PASS_THROUGH",
        "generate_request_id": {"value": request_id},
        "skip_xff_append": True,
    }
    if side is not Side.OUTBOUND:
        fields["early_header_mutation_extensions"] = [
            extension(
                "envoy.http.early_header_mutation.header_mutation",
                "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=[_RESERVED_HEADERS, _SAYS_WHO_CALLS],
            )
        ]
    return fields
