"""Timeout: how long connections, requests and pauses may last."""

from collections.abc import Iterable

from msgspec.structs import replace

from sekisho import ir
from sekisho.model.policies.timeout import TimeoutDefault, TimeoutHttp
from sekisho.policies.rules import Rule, chosen
from sekisho.policies.values import first, milliseconds, milliseconds_or

_CONNECTION_MS, _STREAM_IDLE_MS, _REQUEST_HEADERS_MS = 3_600_000, 300_000, 10_000
"""The longest that the public network is waited for (`envoy/lint_rules.py`)."""


def cluster(node: ir.Cluster, conf: TimeoutDefault) -> ir.Cluster:
    """Times of connections to the destination."""
    http = conf.http or TimeoutHttp()
    return replace(
        node,
        connect_timeout_ms=milliseconds_or(conf.connection_timeout, node.connect_timeout_ms),
        idle_timeout_ms=first(milliseconds(conf.idle_timeout), node.idle_timeout_ms),
        max_connection_duration_ms=first(
            milliseconds(http.max_connection_duration), node.max_connection_duration_ms
        ),
    )


def of_destinations(conf: TimeoutDefault) -> TimeoutDefault:
    """What `cluster` looks at."""
    http = conf.http or TimeoutHttp()
    return TimeoutDefault(
        connection_timeout=conf.connection_timeout,
        idle_timeout=conf.idle_timeout,
        http=TimeoutHttp(max_connection_duration=http.max_connection_duration),
    )


def forward(node: ir.Forward, conf: TimeoutDefault) -> ir.Forward:
    """Times of requests. What the route itself says, its author said of this very rule: that stays."""
    http = conf.http or TimeoutHttp()
    bounds_tries_only = node.request_timeout_ms is None and node.backend_timeout_ms is not None
    wanted = None if bounds_tries_only else milliseconds(http.request_timeout)
    return replace(
        node,
        request_timeout_ms=first(node.request_timeout_ms, wanted),
        stream_idle_ms=first(node.stream_idle_ms, milliseconds(http.stream_idle_timeout)),
        max_stream_ms=first(node.max_stream_ms, milliseconds(http.max_stream_duration)),
    )


def outbound(node: ir.Outbound, conf: TimeoutDefault) -> ir.Outbound:
    """Times of the application's own connections to its proxy. Those of HTTP stay open while the application
    wants: an idle time is the destination's."""
    http = conf.http or TimeoutHttp()
    tcp = node.tcp
    if tcp is not None:
        tcp = replace(tcp, idle_ms=first(milliseconds(conf.idle_timeout), tcp.idle_ms))
    times = ir.Times(
        stream_idle=milliseconds(http.stream_idle_timeout),
        max_stream=milliseconds(http.max_stream_duration),
        max_connection=milliseconds(http.max_connection_duration),
        request_headers=milliseconds(http.request_headers_timeout),
    )
    return replace(node, tcp=tcp, times=times)


def of_applications(conf: TimeoutDefault) -> TimeoutDefault:
    """What `outbound` looks at."""
    http = replace(conf.http or TimeoutHttp(), request_timeout=None)
    return TimeoutDefault(idle_timeout=conf.idle_timeout, http=http)


def inbound(node: ir.Inbound, rules: Iterable[Rule]) -> ir.Inbound:
    """By who calls."""
    found = chosen(rules, TimeoutDefault)
    return replace(node, times=tuple(replace(one, value=times(one.value)) for one in found))


def gateway(conf: TimeoutDefault) -> ir.Times:
    """Times of strangers' connections: a policy makes them shorter than they are anyway, never longer."""
    found = times(conf)
    return ir.Times(
        idle=_shorter(found.idle, _CONNECTION_MS),
        stream_idle=_shorter(found.stream_idle, _STREAM_IDLE_MS),
        max_stream=found.max_stream,
        max_connection=_shorter(found.max_connection, _CONNECTION_MS),
        request_headers=_shorter(found.request_headers, _REQUEST_HEADERS_MS),
    )


def _shorter(said: int | None, longest: int) -> int | None:
    """0 is for ever."""
    return None if said is None else min(said or longest, longest)


def times(conf: TimeoutDefault) -> ir.Times:
    """Times of incoming traffic."""
    http = conf.http or TimeoutHttp()
    return ir.Times(
        connect=milliseconds(conf.connection_timeout),
        idle=milliseconds(conf.idle_timeout),
        request=milliseconds(http.request_timeout),
        stream_idle=milliseconds(http.stream_idle_timeout),
        max_stream=milliseconds(http.max_stream_duration),
        max_connection=milliseconds(http.max_connection_duration),
        request_headers=milliseconds(http.request_headers_timeout),
    )
