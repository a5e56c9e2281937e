"""What every resource carries: its name, labels and bookkeeping."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sekisho.model.fields import Model
from sekisho.model.names import ResourceId


class OwnerReference(Model, frozen=True, kw_only=True):
    """The resource that this one belongs to."""

    api_version: Annotated[str, Meta(description="API version of the owner.")]
    kind: Annotated[str, Meta(description="Kind of the owner.")]
    name: Annotated[str, Meta(description="Name of the owner.")]
    uid: Annotated[str, Meta(description="Unique id of the owner.")]
    controller: Annotated[bool | None, Meta(description="Whether the owner manages this resource.")] = None
    block_owner_deletion: Annotated[
        bool | None, Meta(description="Whether the owner waits for this resource when it is deleted.")
    ] = None


class ObjectMeta(Model, frozen=True, kw_only=True):
    """Who a resource is. All but name, namespace, labels and annotations is written by the server."""

    name: Annotated[str, Meta(description="Name, unique among resources of one kind and namespace.")]
    generate_name: Annotated[
        str | None, Meta(description="Prefix the server makes a name from when none is given.")
    ] = None
    namespace: Annotated[
        str, Meta(description="Namespace it lives in; empty for cluster-wide kinds.", extra={"filled": False})
    ] = ""
    labels: Annotated[dict[str, str], Meta(description="Short marks to select resources by.")] = field(
        default_factory=dict
    )
    annotations: Annotated[dict[str, str], Meta(description="Notes for people and tools.")] = field(
        default_factory=dict
    )
    finalizers: Annotated[
        tuple[str, ...], Meta(description="Who must agree before the resource is really gone.")
    ] = ()
    owner_references: Annotated[tuple[OwnerReference, ...], Meta(description="Resources it belongs to.")] = ()
    uid: Annotated[
        str | None, Meta(description="Unique over all resources that ever were. Set by the server.")
    ] = None
    resource_version: Annotated[
        str | None, Meta(description="The revision that wrote it; send it back to detect conflicts.")
    ] = None
    generation: Annotated[
        int | None, Meta(description="Counts changes outside metadata and status. Set by the server.")
    ] = None
    creation_timestamp: Annotated[
        str | None, Meta(description="When it was made (UTC). Set by the server.")
    ] = None
    deletion_timestamp: Annotated[
        str | None, Meta(description="When its deletion was asked for (UTC). Set by the server.")
    ] = None
    deletion_grace_period_seconds: Annotated[
        int | None, Meta(description="Seconds left to end gracefully. Set by the server.")
    ] = None
    managed_fields: Annotated[
        tuple[dict[str, Any], ...],
        Meta(description="Who wrote which field (server-side apply). Set by the server."),
    ] = ()
    self_link: Annotated[str | None, Meta(description="Unused; kept for old clients.")] = None


class Resource(Model, frozen=True, kw_only=True):
    """Base of all kinds."""

    api_version: Annotated[str, Meta(description="Group and version of the kind.")]
    kind: Annotated[str, Meta(description="What kind of resource this is.")]
    metadata: Annotated[ObjectMeta, Meta(description="Name, labels and bookkeeping.")]

    @property
    def id(self) -> ResourceId:
        """How this resource is named everywhere."""
        return ResourceId(self.kind, self.metadata.namespace, self.metadata.name)


class LabelSelectorRequirement(Model, frozen=True, kw_only=True):
    """One condition on a label."""

    key: Annotated[str, Meta(description="Label key.")]
    operator: Annotated[
        Literal["In", "NotIn", "Exists", "DoesNotExist"],
        Meta(description="How the label relates to the values."),
    ]
    values: Annotated[tuple[str, ...], Meta(description="Values for In and NotIn.")] = ()


class LabelSelector(Model, frozen=True, kw_only=True):
    """Picks resources by label; all conditions must hold; an empty selector picks all."""

    match_labels: Annotated[
        dict[str, str], Meta(description="Labels that must have exactly these values.")
    ] = field(default_factory=dict)
    match_expressions: Annotated[
        tuple[LabelSelectorRequirement, ...], Meta(description="Further conditions on labels.")
    ] = ()


class Condition(Model, frozen=True, kw_only=True):
    """One statement about the state of a resource, as in `status.conditions`."""

    type: Annotated[str, Meta(description="What is stated, such as Accepted.")]
    status: Annotated[Literal["True", "False", "Unknown"], Meta(description="Whether it holds.")]
    reason: Annotated[str, Meta(description="Why, in one word for programs.")]
    message: Annotated[str, Meta(description="Why, in a sentence for people.")]
    last_transition_time: Annotated[str, Meta(description="When the status last changed (UTC).")]
    observed_generation: Annotated[
        int | None, Meta(description="The generation of the resource this was said about.")
    ] = None
