"""Changes to Envoy's own messages that no other node has words for (ProxyPatch)."""

from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from sekisho.model.names import Origin

PatchTarget: TypeAlias = Literal["cluster", "listener", "networkFilter", "httpFilter", "virtualHost"]
PatchOperation: TypeAlias = Literal["Add", "Remove", "Patch", "AddFirst", "AddLast", "AddBefore", "AddAfter"]
Side: TypeAlias = Literal["inbound", "outbound", "gateway", "passthrough"]


class Patch(Struct, frozen=True, kw_only=True, gc=False):
    """One change. Parts of the match that are empty do not matter."""

    target: PatchTarget
    operation: PatchOperation
    side: Side | Literal[""] = ""
    """What the message was made for."""
    name: str = ""
    """Of the cluster, listener, filter or virtual host."""
    listener: str = ""
    """That the filter is in."""
    routes: str = ""
    """Name of the RouteConfiguration that the virtual host is in."""
    value: bytes = b""
    """Envoy's message as JSON; empty for none."""
    steps: bytes = b""
    """RFC 6902 as JSON; empty for none."""
    origin: Origin


class Refusal(NamedTuple):
    """A change that was not made, for its author."""

    origin: Origin
    message: str
