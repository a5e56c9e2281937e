"""ReferenceGrants: the one place that decides whether a reference may cross into another namespace."""

from collections.abc import Iterator
from typing import NamedTuple

from sekisho.engine import Read, index
from sekisho.model.names import ResourceId


class Referrer(NamedTuple):
    """Who refers: the kind and namespace of the resource that holds the reference."""

    group: str
    kind: str
    namespace: str


class _Permission(NamedTuple):
    """One pair of `from` and `to` of a grant."""

    referrer: Referrer
    group: str
    kind: str
    namespace: str
    name: str
    """Empty for every name."""


def _permissions(read: Read, grant: ResourceId) -> Iterator[_Permission]:
    spec = read.leaf(grant).spec
    for source in spec.from_:
        referrer = Referrer(source.group, source.kind, source.namespace)
        for target in spec.to:
            yield _Permission(referrer, target.group, target.kind, grant.namespace, target.name or "")


_GRANTS = index("reference grants", source="ReferenceGrant", emit=_permissions)


def is_permitted(read: Read, referrer: Referrer, group: str, target: ResourceId) -> bool:
    """Whether `referrer` may name `target`, a resource of API group `group`.

    Always inside one namespace; across namespaces only by a grant in the target's namespace. Grants add up
    (referencegrant_types.go). Never asked for parentRefs, which need no grant.
    """
    if referrer.namespace == target.namespace:
        return True
    wide = _Permission(referrer, group, target.kind, target.namespace, "")
    narrow = wide._replace(name=target.name)
    return read.count(_GRANTS, wide) > 0 or read.count(_GRANTS, narrow) > 0
