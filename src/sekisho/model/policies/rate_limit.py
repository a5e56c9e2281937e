"""RateLimit: how many requests or connections a proxy lets through."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Duration, HeaderName, HeaderValue, Model
from sekisho.model.meta import Resource
from sekisho.model.targets import RequestMatch, TargetRef, ToTargetRef


class Rate(Model, frozen=True, kw_only=True):
    """Requests or connections per time."""

    num: Annotated[Annotated[int, Meta(ge=1, le=4_294_967_295)], Meta(description="How many.")]
    interval: Annotated[Duration, Meta(description="In what time; at least 50ms.")]


class RateLimitHeader(Model, frozen=True, kw_only=True):
    """A header with its value."""

    name: Annotated[HeaderName, Meta(description="Header name.")]
    value: Annotated[HeaderValue, Meta(description="Header value.")]


class RateLimitHeaders(Model, frozen=True, kw_only=True):
    """Headers of refusals."""

    set: Annotated[
        Annotated[tuple[RateLimitHeader, ...], Meta(max_length=16)] | None,
        Meta(description="Headers to overwrite."),
    ] = None
    add: Annotated[
        Annotated[tuple[RateLimitHeader, ...], Meta(max_length=16)] | None,
        Meta(description="Headers to append."),
    ] = None


class OnRateLimit(Model, frozen=True, kw_only=True):
    """How a request is refused."""

    status: Annotated[
        Annotated[int, Meta(ge=400, le=599)] | None, Meta(description="Status of the answer; 429.")
    ] = None
    headers: Annotated[RateLimitHeaders | None, Meta(description="Headers of the answer.")] = None


class HttpRateLimit(Model, frozen=True, kw_only=True):
    """Of requests."""

    disabled: Annotated[bool | None, Meta(description="Whether it is off.")] = None
    request_rate: Annotated[Rate | None, Meta(description="How many requests.")] = None
    on_rate_limit: Annotated[OnRateLimit | None, Meta(description="How others are refused.")] = None


class TcpRateLimit(Model, frozen=True, kw_only=True):
    """Of connections."""

    disabled: Annotated[bool | None, Meta(description="Whether it is off.")] = None
    connection_rate: Annotated[Rate | None, Meta(description="How many connections.")] = None


class LocalRateLimit(Model, frozen=True, kw_only=True):
    """Counted by each proxy for itself (token bucket)."""

    http: Annotated[HttpRateLimit | None, Meta(description="Requests.")] = None
    tcp: Annotated[TcpRateLimit | None, Meta(description="Connections; for everybody, without matches.")] = (
        None
    )


class RateLimitDefault(Model, frozen=True, kw_only=True):
    """How much is let through."""

    local: Annotated[LocalRateLimit | None, Meta(description="Counted by each proxy for itself.")] = None


class RateLimitTo(Model, frozen=True, kw_only=True):
    """Rate towards a destination."""

    target_ref: Annotated[ToTargetRef, Meta(description="The destination.")]
    default: Annotated[RateLimitDefault, Meta(description="Values.")] = RateLimitDefault()


class RateLimitRule(Model, frozen=True, kw_only=True):
    """Rate of incoming traffic."""

    matches: Annotated[
        Annotated[tuple[RequestMatch, ...], Meta(max_length=64)],
        Meta(description="For whom, any of them; for everybody when left out."),
    ] = ()
    default: Annotated[RateLimitDefault, Meta(description="Values.")] = RateLimitDefault()


class RateLimitSpec(Model, frozen=True, kw_only=True):
    """Either `to` or `rules`."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    to: Annotated[
        Annotated[tuple[RateLimitTo, ...], Meta(max_length=128)], Meta(description="As a client.")
    ] = ()
    rules: Annotated[
        Annotated[tuple[RateLimitRule, ...], Meta(max_length=128)], Meta(description="As a server.")
    ] = ()


class RateLimit(Resource, frozen=True, kw_only=True):
    """How many requests or connections a proxy lets through."""

    spec: Annotated[RateLimitSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
