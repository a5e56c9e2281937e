"""Retry: when a request or connection is tried again."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import Duration, HeaderName, Model
from sekisho.model.meta import Resource
from sekisho.model.targets import TargetRef, ToTargetRef


class RetryBackOff(Model, frozen=True, kw_only=True):
    """How long is waited between tries; grows each time, with jitter."""

    base_interval: Annotated[Duration | None, Meta(description="Least wait; 25ms.")] = None
    max_interval: Annotated[Duration | None, Meta(description="Longest wait; 10 times the least.")] = None


class RetryResetHeader(Model, frozen=True, kw_only=True):
    """A header of the answer that says when to try again."""

    name: Annotated[HeaderName, Meta(description="Header name.")]
    format: Annotated[Literal["Seconds", "UnixTimestamp"], Meta(description="Seconds from now, or a moment.")]


class RetryRateLimitedBackOff(Model, frozen=True, kw_only=True):
    """Waits as long as the server asks for."""

    reset_headers: Annotated[
        Annotated[tuple[RetryResetHeader, ...], Meta(max_length=16)] | None,
        Meta(description="Headers that are looked for, in this order."),
    ] = None
    max_interval: Annotated[Duration | None, Meta(description="Longest wait; 5m.")] = None


class RetryHeader(Model, frozen=True, kw_only=True):
    """A header that decides about a retry."""

    name: Annotated[HeaderName, Meta(description="Header name.")]
    type: Annotated[
        Literal["Exact", "RegularExpression", "Present", "Prefix"],
        Meta(description="How the value is compared."),
    ] = "Exact"
    value: Annotated[
        Annotated[str, Meta(max_length=4096)] | None, Meta(description="Value; none for Present.")
    ] = None


class RetryHostSelection(Model, frozen=True, kw_only=True):
    """Which endpoints a retry leaves out."""

    predicate: Annotated[
        Literal["OmitPreviousHosts", "OmitPreviousPriorities"],
        Meta(description="Endpoints that were tried, or priorities that were."),
    ]
    update_frequency: Annotated[
        Annotated[int, Meta(ge=1, le=1000)],
        Meta(description="OmitPreviousPriorities: after how many tries priorities are weighed anew."),
    ] = 2


class RetryTcp(Model, frozen=True, kw_only=True):
    """Tries of TCP connections."""

    max_connect_attempt: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None, Meta(description="Tries to connect; 1.")
    ] = None


HttpRetryOn = Annotated[
    str,
    Meta(
        pattern=r"^(?:[1-5][0-9]{2}|5xx|5XX|GatewayError|Reset|ResetBeforeRequest|Retriable4xx|ConnectFailure"
        r"|EnvoyRatelimited|RefusedStream|Http3PostConnectFailure|HttpMethod(?:Connect|Delete|Get|Head|Options"
        r"|Patch|Post|Put|Trace))\Z",
        extra={
            "expected": "a status code, 5xx, GatewayError, Reset, ResetBeforeRequest, Retriable4xx, "
            "ConnectFailure, EnvoyRatelimited, RefusedStream, Http3PostConnectFailure or HttpMethodGet, …Put"
        },
    ),
]


class RetryHttp(Model, frozen=True, kw_only=True):
    """Tries of HTTP requests."""

    num_retries: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None, Meta(description="Tries after the first; 1.")
    ] = None
    per_try_timeout: Annotated[Duration | None, Meta(description="Of each try; 0s for no bound.")] = None
    back_off: Annotated[RetryBackOff | None, Meta(description="Wait between tries.")] = None
    rate_limited_back_off: Annotated[
        RetryRateLimitedBackOff | None, Meta(description="Wait that the server asks for.")
    ] = None
    retry_on: Annotated[
        Annotated[tuple[HttpRetryOn, ...], Meta(max_length=64)] | None,
        Meta(description="What is tried again. HttpMethod… bounds it to requests of these methods."),
    ] = None
    retriable_response_headers: Annotated[
        Annotated[tuple[RetryHeader, ...], Meta(max_length=16)] | None,
        Meta(description="Answers with one of these headers are tried again."),
    ] = None
    retriable_request_headers: Annotated[
        Annotated[tuple[RetryHeader, ...], Meta(max_length=16)] | None,
        Meta(description="Only requests with one of these headers are tried again."),
    ] = None
    host_selection: Annotated[
        Annotated[tuple[RetryHostSelection, ...], Meta(max_length=4)] | None,
        Meta(description="Endpoints a retry leaves out; those that were tried."),
    ] = None
    host_selection_max_attempts: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None,
        Meta(description="How often another endpoint is looked for; 16."),
    ] = None


class RetryGrpc(Model, frozen=True, kw_only=True):
    """Tries of gRPC calls."""

    num_retries: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None, Meta(description="Tries after the first; 1.")
    ] = None
    per_try_timeout: Annotated[Duration | None, Meta(description="Of each try; 0s for no bound.")] = None
    back_off: Annotated[RetryBackOff | None, Meta(description="Wait between tries.")] = None
    rate_limited_back_off: Annotated[
        RetryRateLimitedBackOff | None, Meta(description="Wait that the server asks for.")
    ] = None
    retry_on: Annotated[
        Annotated[
            tuple[
                Literal["Canceled", "DeadlineExceeded", "Internal", "ResourceExhausted", "Unavailable"], ...
            ],
            Meta(max_length=8),
        ]
        | None,
        Meta(description="Status of calls that are tried again."),
    ] = None


class RetryDefault(Model, frozen=True, kw_only=True):
    """By protocol of the destination."""

    tcp: Annotated[RetryTcp | None, Meta(description="TCP.")] = None
    http: Annotated[RetryHttp | None, Meta(description="HTTP.")] = None
    grpc: Annotated[RetryGrpc | None, Meta(description="gRPC.")] = None


class RetryTo(Model, frozen=True, kw_only=True):
    """Tries towards a destination."""

    target_ref: Annotated[ToTargetRef, Meta(description="The destination.")]
    default: Annotated[RetryDefault, Meta(description="Values.")] = RetryDefault()


class RetrySpec(Model, frozen=True, kw_only=True):
    """Tries towards destinations."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    to: Annotated[Annotated[tuple[RetryTo, ...], Meta(max_length=128)], Meta(description="As a client.")] = ()


class Retry(Resource, frozen=True, kw_only=True):
    """When a request or connection is tried again."""

    spec: Annotated[RetrySpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
