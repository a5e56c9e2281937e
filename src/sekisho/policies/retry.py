"""Retry: when a request or connection is tried again."""

import re
from collections.abc import Iterable

from msgspec.structs import replace

from sekisho import ir
from sekisho.kit import durations
from sekisho.model.policies.retry import (
    RetryBackOff,
    RetryDefault,
    RetryGrpc,
    RetryHeader,
    RetryHostSelection,
    RetryHttp,
    RetryRateLimitedBackOff,
)
from sekisho.policies.values import milliseconds, milliseconds_or

DEFAULT_ATTEMPTS = 1
DEFAULT_BACKOFF_MS = 25
_METHOD = "HttpMethod"
_HTTP_CONDITIONS = {
    "5xx": "5xx",
    "5XX": "5xx",
    "GatewayError": "gateway-error",
    "Reset": "reset",
    "ResetBeforeRequest": "reset-before-request",
    "Retriable4xx": "retriable-4xx",
    "ConnectFailure": "connect-failure",
    "EnvoyRatelimited": "envoy-ratelimited",
    "RefusedStream": "refused-stream",
    "Http3PostConnectFailure": "http3-post-connect-failure",
}
_GRPC_CONDITIONS = {
    "Canceled": "cancelled",
    "DeadlineExceeded": "deadline-exceeded",
    "Internal": "internal",
    "ResourceExhausted": "resource-exhausted",
    "Unavailable": "unavailable",
}
_SAFE = ("connect-failure", "refused-stream", "reset-before-request")
"""The server cannot have begun with the request: another try repeats nothing."""
_EVERY_TRY = 1
_ACROSS_ZONES = ir.Retry(attempts=3, connection_errors=False, on=_SAFE)
_FORMATS = {"Seconds": "SECONDS", "UnixTimestamp": "UNIX_TIMESTAMP"}


def forward(node: ir.Forward, conf: RetryDefault, *, is_grpc: bool) -> ir.Forward:
    """Tries of requests. What the route itself says stays."""
    part: RetryHttp | RetryGrpc | None = conf.grpc if is_grpc else conf.http
    if part is None:
        return node
    each = node.backend_timeout_ms
    if each is None and part.per_try_timeout is not None:
        each = durations.parse(part.per_try_timeout) or None
    return replace(node, backend_timeout_ms=each, retry=node.retry or _retry(part))


def speaks_of_requests(conf: RetryDefault) -> bool:
    """Whether anything is said of requests, if only that they are not tried again."""
    return conf.http is not None or conf.grpc is not None


def across_zones(node: ir.Forward, *, is_decided: bool, several: bool) -> ir.Forward:
    """Tries of requests to a destination in other zones; where that may be `several`, they go on to the next.

    Without any word on retries (`is_decided`), what cannot have begun anywhere is tried again.
    """
    wanted = _ACROSS_ZONES if node.retry is None and not is_decided else node.retry
    if wanted is not None and several and not wanted.omit_previous_priorities:
        wanted = replace(wanted, omit_previous_priorities=_EVERY_TRY)
    return replace(node, retry=wanted)


def bytes_across_zones(node: ir.Outbound) -> ir.Outbound:
    """The same for bytes: connections that nobody takes are tried as often, unless a policy decides."""
    if node.tcp is None or node.tcp.connect_attempts != ir.TcpForward(shares=()).connect_attempts:
        return node
    return replace(node, tcp=replace(node.tcp, connect_attempts=_ACROSS_ZONES.attempts + 1))


def outbound(node: ir.Outbound, conf: RetryDefault) -> ir.Outbound:
    """Tries to connect, for bytes."""
    if node.tcp is None or conf.tcp is None or conf.tcp.max_connect_attempt is None:
        return node
    return replace(node, tcp=replace(node.tcp, connect_attempts=conf.tcp.max_connect_attempt))


def of_bytes(conf: RetryDefault) -> RetryDefault:
    """What `outbound` looks at."""
    return RetryDefault(tcp=conf.tcp)


def _retry(part: RetryHttp | RetryGrpc) -> ir.Retry | None:
    attempts = DEFAULT_ATTEMPTS if part.num_retries is None else part.num_retries
    if attempts == 0:
        return None
    back_off = part.back_off or RetryBackOff()
    limited = part.rate_limited_back_off or RetryRateLimitedBackOff()
    found = ir.Retry(
        attempts=attempts,
        connection_errors=False,
        backoff_ms=max(1, milliseconds_or(back_off.base_interval, DEFAULT_BACKOFF_MS)),
        backoff_max_ms=milliseconds(back_off.max_interval),
        reset_headers=tuple((one.name.lower(), _FORMATS[one.format]) for one in limited.reset_headers or ()),
        reset_max_ms=milliseconds_or(limited.max_interval, ir.Retry(attempts=1).reset_max_ms),
    )
    return _for_http(found, part) if isinstance(part, RetryHttp) else _for_grpc(found, part)


def _for_grpc(found: ir.Retry, part: RetryGrpc) -> ir.Retry:
    """Connections are always tried again: there is no status to name for them."""
    named = _SAFE if part.retry_on is None else (*_SAFE, *(_GRPC_CONDITIONS[one] for one in part.retry_on))
    return replace(found, on=named)


def _for_http(found: ir.Retry, part: RetryHttp) -> ir.Retry:
    asked = part.retry_on
    codes = tuple(sorted({int(one) for one in asked or () if one.isdigit()}))
    conditions = tuple(dict.fromkeys(_HTTP_CONDITIONS[one] for one in asked or () if one in _HTTP_CONDITIONS))
    methods = tuple(
        ir.StringMatch(":method", one.removeprefix(_METHOD).upper())
        for one in asked or ()
        if one.startswith(_METHOD)
    )
    selection = part.host_selection
    return replace(
        found,
        codes=codes,
        on=conditions or (() if codes else _SAFE),
        response_headers=_headers(part.retriable_response_headers or ()),
        request_headers=(*methods, *_headers(part.retriable_request_headers or ())),
        omit_previous_hosts=selection is None or _omits_hosts(selection),
        omit_previous_priorities=_priorities(selection or ()),
        host_attempts=part.host_selection_max_attempts or found.host_attempts,
    )


def _omits_hosts(selection: Iterable[RetryHostSelection]) -> bool:
    return any(one.predicate == "OmitPreviousHosts" for one in selection)


def _priorities(selection: Iterable[RetryHostSelection]) -> int:
    found = (one.update_frequency for one in selection if one.predicate == "OmitPreviousPriorities")
    return next(found, 0)


def _headers(headers: Iterable[RetryHeader]) -> tuple[ir.StringMatch, ...]:
    return tuple(_header(one) for one in headers)


def _header(one: RetryHeader) -> ir.StringMatch:
    name, value = one.name.lower(), one.value or ""
    match one.type:
        case "Exact":
            return ir.StringMatch(name, value)
        case "RegularExpression":
            return ir.StringMatch(name, value, regex=True)
        case "Prefix":
            return ir.StringMatch(name, f"{re.escape(value)}.*", regex=True)
        case "Present":
            return ir.StringMatch(name, ".*", regex=True)
