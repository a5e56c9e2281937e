"""Timeout: how long connections, requests and pauses may last."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Duration, Model
from sekisho.model.meta import Resource
from sekisho.model.targets import RequestMatch, TargetRef, ToTargetRef


class TimeoutHttp(Model, frozen=True, kw_only=True):
    """Times of HTTP; 0s is never."""

    request_timeout: Annotated[
        Duration | None, Meta(description="A whole request with its retries; 15s, never for inbound.")
    ] = None
    stream_idle_timeout: Annotated[
        Duration | None, Meta(description="Longest pause in a stream; 5m where nothing else ends it.")
    ] = None
    max_stream_duration: Annotated[Duration | None, Meta(description="Life of a stream; no bound.")] = None
    max_connection_duration: Annotated[
        Duration | None, Meta(description="Life of a connection, which then drains; no bound.")
    ] = None
    request_headers_timeout: Annotated[
        Duration | None, Meta(description="Until all headers of a request are there; 10s.")
    ] = None


class TimeoutDefault(Model, frozen=True, kw_only=True):
    """Times; 0s is never."""

    connection_timeout: Annotated[
        Duration | None, Meta(description="Until a connection is made; 5s, 10s for inbound.")
    ] = None
    idle_timeout: Annotated[
        Duration | None,
        Meta(description="Connection without requests, or TCP without bytes; 1h, 2h for inbound."),
    ] = None
    http: Annotated[TimeoutHttp | None, Meta(description="Times of HTTP.")] = None


class TimeoutTo(Model, frozen=True, kw_only=True):
    """Times towards a destination."""

    target_ref: Annotated[ToTargetRef, Meta(description="The destination.")]
    default: Annotated[TimeoutDefault, Meta(description="Times.")] = TimeoutDefault()


class TimeoutRule(Model, frozen=True, kw_only=True):
    """Times of incoming traffic."""

    matches: Annotated[
        Annotated[tuple[RequestMatch, ...], Meta(max_length=64)],
        Meta(description="For whom, any of them; for everybody when left out."),
    ] = ()
    default: Annotated[TimeoutDefault, Meta(description="Times.")] = TimeoutDefault()


class TimeoutSpec(Model, frozen=True, kw_only=True):
    """Either `to` or `rules`."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    to: Annotated[
        Annotated[tuple[TimeoutTo, ...], Meta(max_length=128)], Meta(description="As a client.")
    ] = ()
    rules: Annotated[
        Annotated[tuple[TimeoutRule, ...], Meta(max_length=128)], Meta(description="As a server.")
    ] = ()


class Timeout(Resource, frozen=True, kw_only=True):
    """How long connections, requests and pauses may last."""

    spec: Annotated[TimeoutSpec, Meta(description="Whose times, and how long.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
