"""A finished message as it is published: named bytes of a type, and a version that changes with them."""

from typing import Any, NamedTuple

import xxhash

TYPE_URL_PREFIX = "type.googleapis.com/"


class Blob(NamedTuple):
    """A message serialised once."""

    version: str
    """xxh3-64 of the body, hexadecimal."""
    body: bytes
    """What goes into `Any.value`. Equal messages give equal bytes."""


class Resource(NamedTuple):
    """A top-level xDS resource."""

    type_url: str
    """`type.googleapis.com/envoy.config.cluster.v3.Cluster`"""
    name: str
    version: str
    body: bytes


def blob(message: Any) -> Blob:
    """Serialises and hashes; maps are written in the order of their keys."""
    body = message.SerializeToString(deterministic=True)
    return Blob(xxhash.xxh3_64_hexdigest(body), body)


def resource(message: Any) -> Resource:
    """A Listener, Cluster, Secret, ScopedRouteConfiguration… under its own name."""
    descriptor = message.DESCRIPTOR
    name = message.name if "name" in descriptor.fields_by_name else message.cluster_name
    return Resource(TYPE_URL_PREFIX + descriptor.full_name, name, *blob(message))
