"""How a thing is named everywhere: in the store, in Envoy, in logs, in `sekisho explain`."""

from typing import NamedTuple


def api_version(group: str, version: str) -> str:
    """As resources carry it: `v1` where the group is empty, `gateway.networking.k8s.io/v1`."""
    return f"{group}/{version}" if group else version


class ResourceId(NamedTuple):
    """A resource: `HTTPRoute/shop/cart`, or without a namespace `GatewayClass//sekisho`.

    A NamedTuple and not a dataclass: these are dictionary keys by the ten thousand, and tuples hash in C.
    """

    kind: str
    """The kind as users write it; kind names are unique over the groups we serve."""
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"

    @property
    def shown(self) -> str:
        """For people: `HTTPRoute/shop/cart`, `GatewayClass/sekisho`."""
        return str(self) if self.namespace else f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "ResourceId":
        """The inverse of `str`. Raises ValueError when `text` has not three parts."""
        kind, namespace, name = text.split("/")
        return cls(kind, namespace, name)


class Origin(NamedTuple):
    """The place in a resource that decided something: the resource and the path of the field."""

    resource: ResourceId
    path: str = ""
    """`spec.rules[0].filters[1]`; empty for the whole resource."""

    def __str__(self) -> str:
        return f"{self.resource} {self.path}" if self.path else str(self.resource)

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.resource.shown} {self.path}" if self.path else self.resource.shown
