"""Listeners of a Gateway as routes see them: which are valid, which collide, which owns a hostname."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from sekisho.engine import Read, query
from sekisho.kit.hostnames import EVERY, covers, intersect, specificity
from sekisho.model.gateway import GATEWAY_GROUP, GatewayTls, Listener, RouteNamespaces
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.classes import serves

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
    """ListenerConditionReason: UnsupportedProtocol, UnsupportedValue, HostnameConflict, ProtocolConflict."""
    message: str

    @property
    def is_conflict(self) -> bool:
        return self.reason in ("HostnameConflict", "ProtocolConflict")


class Door(Struct, frozen=True, kw_only=True, gc=False):
    """One listener, without what routes do not depend on (its certificates)."""

    gateway: ResourceId
    index: int
    """Position in `spec.listeners`."""
    name: str
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
    table: str
    """The route table its requests are looked up in: one per plain port, one per HTTPS listener.

    TLS picks the listener by SNI before HTTP begins, so an HTTPS listener has a table to itself. Where there
    are no requests, what its chains are called after.
    """
    origin: Origin
    fault: Fault | None = None

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


@query
def doors(read: Read, gateway: ResourceId) -> tuple[Door, ...]:
    """All listeners in the order written, the faulty ones too; none for a Gateway that is not ours."""
    if not serves(read, gateway):
        return ()
    spec = read.leaf(gateway).spec
    found = [_door(gateway, index, listener) for index, listener in enumerate(spec.listeners)]
    faults = [
        _own_fault(listener, spec.tls) or _conflict(one, found)
        for listener, one in zip(spec.listeners, found, strict=True)
    ]
    return tuple(replace(one, fault=fault) for one, fault in zip(found, faults, strict=True))


@query
def door(read: Read, gateway: ResourceId, name: str) -> Door | None:
    """One listener by name."""
    return next((one for one in doors(read, gateway) if one.name == name), None)


@query
def port_doors(read: Read, gateway: ResourceId, port: int) -> tuple[Door, ...]:
    """The listeners that share a port and can own hostnames there.

    Faulty ones are among them: what a closed listener would have guarded must not fall to the routes of a
    less specific one. A conflict of protocols closes the whole port.
    """
    return tuple(
        one
        for one in doors(read, gateway)
        if one.port == port
        and one.scheme in ("http", "https", "tls")
        and (one.fault is None or one.fault.reason != "ProtocolConflict")
    )


def owner(candidates: Iterable[Door], hostname: str) -> Door | None:
    """The most specific listener that covers `hostname`: requests for it are its own alone.

    Listener isolation (GatewayHTTPListenerIsolation): what the owner does not route is answered 404, never
    by the routes of a less specific listener.
    """
    covering = [one for one in candidates if covers(one.hostname, hostname)]
    if len(covering) == 1:  # nearly always
        return covering[0]
    return max(covering, key=lambda one: specificity(one.hostname), default=None)


def overlaps(candidates: Iterable[Door], one: Door) -> tuple[str, ...]:
    """Names of the other HTTPS listeners of the port that have hosts in common with this one."""
    if one.scheme != "https":
        return ()
    return tuple(
        other.name
        for other in candidates
        if other.name != one.name
        and (other.port, other.scheme) == (one.port, one.scheme)
        and intersect(one.hostname, other.hostname)
    )


def supported_kinds(listener: Listener) -> tuple[tuple[dict[str, str], ...], tuple[str, ...]]:
    """`supportedKinds` for the listener's status, and the kinds asked for that its protocol cannot take."""
    asked = listener.allowed_routes.kinds
    possible = _possible_kinds(listener)
    if not possible:
        return (), ()
    unknown = [kind for kind in asked if kind.group != GATEWAY_GROUP or kind.kind not in possible]
    wanted = [kind.kind for kind in asked if kind not in unknown] if asked else possible
    supported = tuple({"group": GATEWAY_GROUP, "kind": kind} for kind in dict.fromkeys(wanted))
    return supported, tuple(f"{kind.kind}.{kind.group}".rstrip(".") for kind in unknown)


def _possible_kinds(listener: Listener) -> tuple[str, ...]:
    scheme = _SCHEMES.get(listener.protocol, "")
    if scheme == "tls" and not _is_passthrough(listener):
        return (*_KINDS["tls"], *_KINDS["tcp"])
    return _KINDS[scheme] if scheme else ()


def _is_passthrough(listener: Listener) -> bool:
    return listener.protocol == "TLS" and listener.tls is not None and listener.tls.mode == "Passthrough"


def _door(gateway: ResourceId, index: int, listener: Listener) -> Door:
    scheme = _SCHEMES.get(listener.protocol, "")
    return Door(
        gateway=gateway,
        index=index,
        name=listener.name,
        port=listener.port,
        scheme=scheme,
        hostname=(listener.hostname or EVERY).lower(),
        is_passthrough=_is_passthrough(listener),
        kinds=tuple(kind["kind"] for kind in supported_kinds(listener)[0]),
        namespaces=listener.allowed_routes.namespaces,
        table=f"{listener.port}/{listener.name}" if scheme in _SHARING else str(listener.port),
        origin=Origin(gateway, f"spec.listeners[{index}]"),
    )


def _own_fault(listener: Listener, tls: GatewayTls | None) -> Fault | None:
    if listener.protocol not in _SCHEMES:
        served = ", ".join(_SCHEMES)
        return Fault("UnsupportedProtocol", f"protocol {listener.protocol} is not served; {served} are")
    if listener.protocol != "HTTPS":
        return None
    if listener.tls is not None and listener.tls.mode != "Terminate":
        return Fault("UnsupportedValue", f"tls.mode {listener.tls.mode} does not go with protocol HTTPS")
    if _asks_for_client_certificates(listener.port, tls):
        return Fault("UnsupportedValue", "spec.tls.frontend: certificates of callers cannot be checked yet")
    return None


def _asks_for_client_certificates(port: int, tls: GatewayTls | None) -> bool:
    """A listener that should check its callers and cannot stays closed."""
    if tls is None or tls.frontend is None:
        return False
    own = [entry.tls for entry in tls.frontend.per_port if entry.port == port]
    return any(wanted.validation is not None for wanted in own or [tls.frontend.default])


def _conflict(one: Door, among: list[Door]) -> Fault | None:
    """All rivals lose: there is no fair winner inside one Gateway."""
    if not one.scheme:
        return None
    neighbours = [
        other
        for other in among
        if (other.port, other.transport) == (one.port, one.transport) and other.scheme
    ]
    if len({_SHARING.get(other.scheme, other.scheme) for other in neighbours}) > 1:
        asked = sorted({other.scheme.upper() for other in neighbours})
        return Fault("ProtocolConflict", f"port {one.port} is asked for with {' and with '.join(asked)}")
    if Counter(other.hostname for other in neighbours)[one.hostname] > 1:
        rivals = ", ".join(other.name for other in neighbours if other.hostname == one.hostname)
        return Fault("HostnameConflict", f"listeners {rivals} have the same port and hostname")
    return None
