"""Listeners of Gateways and ListenerSets, each by itself: what is spoken, who may attach, what is wrong."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from sekisho.engine import Read, query
from sekisho.kit.hostnames import EVERY
from sekisho.kit.text import closest
from sekisho.model.gateway import GATEWAY_GROUP, PROTOCOLS, Gateway, Listener, RouteNamespaces
from sekisho.model.listener_set import ListenerSet
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.callers import believed
from sekisho.translate.gateway.classes import is_found_by_name
from sekisho.translate.gateway.listener_sets import gateway_of

Scheme: TypeAlias = Literal["", "http", "https", "tls", "tcp", "udp"]

_SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {"HTTP": "http", "HTTPS": "https", "TLS": "tls", "TCP": "tcp", "UDP": "udp"}
)
"""By protocol."""
_KINDS: Mapping[Scheme, tuple[str, ...]] = MappingProxyType(
    {
        "http": ("HTTPRoute", "GRPCRoute"),
        "https": ("HTTPRoute", "GRPCRoute"),
        "tls": ("TLSRoute",),
        "tcp": ("TCPRoute",),
        "udp": ("UDPRoute",),
    }
)
"""Kinds of routes a listener can take. One that ends TLS takes TCPRoutes too: what comes out is bytes."""
_SHARING: Mapping[Scheme, str] = MappingProxyType({"https": "TLS", "tls": "TLS"})
"""Listeners of these can share a port: the server name tells them apart."""


class Fault(NamedTuple):
    """Why a listener is not accepted."""

    reason: str
    """ListenerConditionReason: UnsupportedProtocol, UnsupportedValue, NoValidCACertificate,
    HostnameConflict, ProtocolConflict."""
    message: str

    @property
    def is_conflict(self) -> bool:
        return self.reason in ("HostnameConflict", "ProtocolConflict")


class Door(Struct, frozen=True, kw_only=True, gc=False):
    """One listener, without what routes do not depend on (its certificates)."""

    gateway: ResourceId
    """Whose proxies open it."""
    source: ResourceId
    """The Gateway itself, or the ListenerSet that adds it."""
    index: int
    """Position in `spec.listeners`."""
    name: str
    """As written: unique in its source only."""
    port: int
    scheme: Scheme
    """What is spoken; empty for protocols we do not serve."""
    hostname: str
    """Lower case; `*` for all."""
    is_passthrough: bool = False
    """TLS goes on to the backend as it is."""
    kinds: tuple[str, ...]
    """Kinds of routes it takes."""
    namespaces: RouteNamespaces
    origin: Origin
    fault: Fault | None = None

    @property
    def label(self) -> str:
        """What it is called among all listeners of the Gateway's proxies: `<namespace>/<set>/<listener>` for
        one of a ListenerSet."""
        if self.source == self.gateway:
            return self.name
        return f"{self.source.namespace}/{self.source.name}/{self.name}"

    @property
    def table(self) -> str:
        """The route table its requests are looked up in: one for all listeners of a port, as each hostname
        belongs to one of them. Where there are no requests, what its chains are called after."""
        if self.scheme == "tls":
            return f"{self.port}/{self.label}"
        return tls_table(self.port) if self.scheme == "https" else str(self.port)

    @property
    def reads_http(self) -> bool:
        """Whether requests are looked into."""
        return self.scheme in ("http", "https")

    @property
    def ends_tls(self) -> bool:
        """Whether it needs a certificate."""
        return self.scheme == "https" or (self.scheme == "tls" and not self.is_passthrough)

    @property
    def transport(self) -> str:
        """`tcp` or `udp`: ports of the two have nothing to do with each other."""
        return "udp" if self.scheme == "udp" else "tcp"

    @property
    def sharing(self) -> str:
        """Listeners for which this is the same can share a port."""
        return _SHARING.get(self.scheme, self.scheme)


def tls_table(port: int) -> str:
    """The route table of the HTTPS listeners of a port."""
    return f"{port}/https"


@query
def asked(read: Read, source: ResourceId) -> tuple[Door, ...]:
    """All listeners in the order written, with what is wrong with each by itself; none for a Gateway that is
    not ours, or a ListenerSet that no Gateway of ours lets in. What others ask for as well: `doors`."""
    gateway = gateway_of(read, source)
    if gateway is None:
        return ()
    resource: Gateway | ListenerSet = read.leaf(source)
    found = tuple(
        _door(gateway, source, position, listener, _own_fault(read, gateway, listener))
        for position, listener in enumerate(resource.spec.listeners)
    )
    # What other zones are let in to, no route says.
    return tuple(replace(one, kinds=()) for one in found) if is_found_by_name(read, gateway) else found


def supported_kinds(listener: Listener) -> tuple[tuple[dict[str, str], ...], tuple[str, ...]]:
    """`supportedKinds` for the listener's status, and the kinds asked for that its protocol cannot take."""
    wanted = listener.allowed_routes.kinds
    possible = _possible_kinds(listener)
    if not possible:
        return (), ()
    unknown = [kind for kind in wanted if kind.group != GATEWAY_GROUP or kind.kind not in possible]
    known = [kind.kind for kind in wanted if kind not in unknown] if wanted else possible
    supported = tuple({"group": GATEWAY_GROUP, "kind": kind} for kind in dict.fromkeys(known))
    return supported, tuple(f"{kind.kind}.{kind.group}".rstrip(".") for kind in unknown)


def _possible_kinds(listener: Listener) -> tuple[str, ...]:
    scheme = _SCHEMES.get(listener.protocol, "")
    if scheme == "tls" and not _is_passthrough(listener):
        return (*_KINDS["tls"], *_KINDS["tcp"])
    return _KINDS[scheme] if scheme else ()


def _is_passthrough(listener: Listener) -> bool:
    return listener.protocol == "TLS" and listener.tls is not None and listener.tls.mode == "Passthrough"


def _door(
    gateway: ResourceId, source: ResourceId, index: int, listener: Listener, fault: Fault | None
) -> Door:
    return Door(
        gateway=gateway,
        source=source,
        index=index,
        name=listener.name,
        port=listener.port,
        scheme=_SCHEMES.get(listener.protocol, ""),
        hostname=(listener.hostname or EVERY).lower(),
        is_passthrough=_is_passthrough(listener),
        kinds=tuple(kind["kind"] for kind in supported_kinds(listener)[0]),
        namespaces=listener.allowed_routes.namespaces,
        origin=Origin(source, f"spec.listeners[{index}]"),
        fault=fault,
    )


def _own_fault(read: Read, gateway: ResourceId, listener: Listener) -> Fault | None:
    if is_found_by_name(read, gateway) and not _is_passthrough(listener):
        return Fault(
            "UnsupportedProtocol", "ingresses and egresses of zones pass TLS on: TLS, mode Passthrough"
        )
    if listener.protocol not in _SCHEMES:
        message = f"protocol {listener.protocol} is not served; {', '.join(PROTOCOLS)} are"
        meant = closest(listener.protocol, PROTOCOLS)
        return Fault("UnsupportedProtocol", message + (f' (did you mean "{meant}"?)' if meant else ""))
    if listener.protocol != "HTTPS":
        return None
    if listener.tls is not None and listener.tls.mode != "Terminate":
        return Fault("UnsupportedValue", f"tls.mode {listener.tls.mode} does not go with protocol HTTPS")
    callers = believed(read, gateway, listener.port)
    if callers is not None and callers.closes:
        told = "; ".join(problem.message for problem in callers.problems)
        return Fault("NoValidCACertificate", f"callers must be checked, and nobody is believed: {told}")
    return None
