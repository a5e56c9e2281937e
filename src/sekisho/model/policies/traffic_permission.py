"""TrafficPermission: who may call, and what for."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Model
from sekisho.model.meta import Resource
from sekisho.model.targets import RequestMatch, TargetRef

Matches = Annotated[tuple[RequestMatch, ...], Meta(max_length=256)]


class TrafficPermissionDefault(Model, frozen=True, kw_only=True):
    """Any deny denies; then any allow lets in; then nobody. The lists of all policies count together."""

    deny: Annotated[Matches, Meta(description="Who is refused.")] = ()
    allow_with_shadow_deny: Annotated[
        Matches, Meta(description="Who is let in, and counted as if refused: to try a denial out.")
    ] = ()
    allow: Annotated[Matches, Meta(description="Who is let in.")] = ()


class TrafficPermissionRule(Model, frozen=True, kw_only=True):
    """Permissions of incoming traffic."""

    default: Annotated[TrafficPermissionDefault, Meta(description="Values.")] = TrafficPermissionDefault()


class TrafficPermissionSpec(Model, frozen=True, kw_only=True):
    """Which servers, and who may call them."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    rules: Annotated[
        Annotated[tuple[TrafficPermissionRule, ...], Meta(max_length=128)], Meta(description="As a server.")
    ] = ()


class TrafficPermission(Resource, frozen=True, kw_only=True):
    """Who may call, and what for."""

    spec: Annotated[TrafficPermissionSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
