"""ProxyPatch: changes Envoy's own configuration where no policy has words for it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sekisho.model.fields import Model
from sekisho.model.meta import Resource
from sekisho.model.targets import TargetRef


class JsonPatch(Model, frozen=True, kw_only=True):
    """One step of RFC 6902."""

    op: Annotated[
        Literal["add", "remove", "replace", "move", "copy", "test"], Meta(description="What is done.")
    ]
    path: Annotated[Annotated[str, Meta(max_length=1024)], Meta(description="JSON pointer (RFC 6901).")]
    from_: Annotated[
        Annotated[str, Meta(max_length=1024)] | None, Meta(description="Source of move and copy.")
    ] = field(default=None, name="from")
    value: Annotated[Any, Meta(description="Value of add, replace and test.")] = None


class PatchMatch(Model, frozen=True, kw_only=True):
    """Which messages; all parts that are given must hold."""

    origin: Annotated[
        Literal["inbound", "outbound", "gateway", "passthrough"] | None,
        Meta(description="What they were made for."),
    ] = None
    name: Annotated[
        Annotated[str, Meta(max_length=512)] | None,
        Meta(description="Name of the cluster, listener, filter or virtual host."),
    ] = None
    listener_name: Annotated[
        Annotated[str, Meta(max_length=512)] | None, Meta(description="Listener a filter is in.")
    ] = None
    route_configuration_name: Annotated[
        Annotated[str, Meta(max_length=512)] | None, Meta(description="Routes a virtual host is in.")
    ] = None


class Patch(Model, frozen=True, kw_only=True):
    """What is changed, and how."""

    match: Annotated[PatchMatch, Meta(description="Which messages; all of the kind when left out.")] = (
        PatchMatch()
    )
    operation: Annotated[
        Literal["Add", "Remove", "Patch", "AddFirst", "AddLast", "AddBefore", "AddAfter"],
        Meta(description="What is done; filters know AddFirst to AddAfter."),
    ]
    value: Annotated[
        dict[str, Any] | None,
        Meta(description="Envoy's message, in its JSON form; merged into the found one by Patch."),
    ] = None
    json_patches: Annotated[
        Annotated[tuple[JsonPatch, ...], Meta(max_length=64)] | None,
        Meta(description="Steps of RFC 6902, for Patch, instead of value."),
    ] = None


class Modification(Model, frozen=True, kw_only=True):
    """One of these."""

    cluster: Annotated[Patch | None, Meta(description="envoy.config.cluster.v3.Cluster.")] = None
    listener: Annotated[Patch | None, Meta(description="envoy.config.listener.v3.Listener.")] = None
    network_filter: Annotated[Patch | None, Meta(description="envoy.config.listener.v3.Filter.")] = None
    http_filter: Annotated[
        Patch | None,
        Meta(description="HttpFilter of envoy…http_connection_manager.v3."),
    ] = None
    virtual_host: Annotated[Patch | None, Meta(description="envoy.config.route.v3.VirtualHost.")] = None


class ProxyPatchDefault(Model, frozen=True, kw_only=True):
    """Changes, in order."""

    append_modifications: Annotated[
        Annotated[tuple[Modification, ...], Meta(max_length=64)] | None,
        Meta(description="Changes; those of all policies, less specific ones first."),
    ] = None


class ProxyPatchSpec(Model, frozen=True, kw_only=True):
    """Which proxies, and what."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    default: Annotated[ProxyPatchDefault, Meta(description="Values.")] = ProxyPatchDefault()


class ProxyPatch(Resource, frozen=True, kw_only=True):
    """Changes Envoy's own configuration where no policy has words for it."""

    spec: Annotated[ProxyPatchSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
