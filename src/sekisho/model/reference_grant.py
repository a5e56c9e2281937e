"""ReferenceGrant: who from another namespace may refer to what is here."""

from typing import Annotated

from msgspec import Meta, field

from sekisho.model.fields import DnsLabel, Group, KindName, Model, ObjectName
from sekisho.model.meta import Resource


class ReferenceGrantFrom(Model, frozen=True, kw_only=True):
    """Resources that may refer."""

    group: Annotated[Group, Meta(description="API group of the referring kind.")]
    kind: Annotated[KindName, Meta(description="The referring kind.")]
    namespace: Annotated[DnsLabel, Meta(description="Namespace of the referring resources.")]


class ReferenceGrantTo(Model, frozen=True, kw_only=True):
    """Resources that may be referred to."""

    group: Annotated[Group, Meta(description="API group of the kind; empty for core.")]
    kind: Annotated[KindName, Meta(description="The kind that may be referred to.")]
    name: Annotated[
        ObjectName | None, Meta(description="One resource only; left out for all of the kind.")
    ] = None


class ReferenceGrantSpec(Model, frozen=True, kw_only=True):
    """Every `from` may refer to every `to`."""

    from_: Annotated[
        Annotated[tuple[ReferenceGrantFrom, ...], Meta(min_length=1, max_length=16)],
        Meta(description="Who may refer."),
    ] = field(name="from")
    to: Annotated[
        Annotated[tuple[ReferenceGrantTo, ...], Meta(min_length=1, max_length=16)],
        Meta(description="What may be referred to."),
    ]


class ReferenceGrant(Resource, frozen=True, kw_only=True):
    """Lets resources of other namespaces refer to resources of this one."""

    spec: Annotated[ReferenceGrantSpec, Meta(description="Who may refer to what.")]
