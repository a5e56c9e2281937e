"""Passthrough: captured connections to addresses that are not of the mesh."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import Model, Port
from sekisho.model.meta import Resource
from sekisho.model.targets import TargetRef


class PassthroughMatch(Model, frozen=True, kw_only=True):
    """A place outside that may be called."""

    type: Annotated[Literal["Domain", "IP", "CIDR"], Meta(description="What the value is.")]
    value: Annotated[
        Annotated[str, Meta(min_length=1, max_length=253)],
        Meta(description="Host name (or *.suffix), IP address, or range."),
    ]
    port: Annotated[Port | None, Meta(description="Port; all when left out.")] = None
    protocol: Annotated[
        Literal["tcp", "tls", "grpc", "http", "http2"],
        Meta(description="What is spoken. Host names are seen in tls, http, http2 and grpc only."),
    ] = "tcp"


class PassthroughDefault(Model, frozen=True, kw_only=True):
    """What is let through."""

    passthrough_mode: Annotated[
        Literal["All", "Matched", "None"] | None,
        Meta(description="Everything, what matches, or nothing; Matched."),
    ] = None
    append_match: Annotated[
        Annotated[tuple[PassthroughMatch, ...], Meta(max_length=256)] | None,
        Meta(description="Places outside; those of all policies together."),
    ] = None


class PassthroughSpec(Model, frozen=True, kw_only=True):
    """Which proxies, and what."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    default: Annotated[PassthroughDefault, Meta(description="Values.")] = PassthroughDefault()


class Passthrough(Resource, frozen=True, kw_only=True):
    """Captured connections to addresses that are not of the mesh."""

    spec: Annotated[PassthroughSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
