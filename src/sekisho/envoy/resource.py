"""A finished message as it is published: named bytes of a type, and a version that changes with them."""

from functools import cache
from typing import Any, NamedTuple

import xxhash

from sekisho.ir.patches import Refusal
from sekisho.model.names import ResourceId

TYPE_URL_PREFIX = "type.googleapis.com/"


class Resource(NamedTuple):
    """A top-level xDS resource, serialised once."""

    type_url: str
    """`type.googleapis.com/envoy.config.cluster.v3.Cluster`"""
    name: str
    version: str
    """xxh3-64 of the body, hexadecimal."""
    body: bytes
    """What goes into `Any.value`. Equal messages give equal bytes: maps are in the order of their keys."""
    authors: tuple[ResourceId, ...] = ()
    """The ProxyPatches that changed it, sorted."""
    refusals: tuple[Refusal, ...] = ()
    """What ProxyPatches wanted of it and did not get."""


def resource(message: Any) -> Resource:
    """A Listener, Cluster, Secret, ScopedRouteConfiguration… under its own name."""
    type_url, name_field = _naming(message.DESCRIPTOR)
    body = message.SerializeToString(deterministic=True)
    return Resource(type_url, getattr(message, name_field), xxhash.xxh3_64_hexdigest(body), body)


@cache
def _naming(descriptor: Any) -> tuple[str, str]:
    """The type URL of a kind of resource, and the field that has the name."""
    name_field = "name" if "name" in descriptor.fields_by_name else "cluster_name"
    return TYPE_URL_PREFIX + descriptor.full_name, name_field
