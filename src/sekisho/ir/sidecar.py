"""What a workload's own proxy does: connections it takes in its name, and those it makes for it."""

from msgspec import Struct

from sekisho.ir.callers import Conditional, Permissions, TokenIssuer
from sekisho.ir.cluster import Protocol
from sekisho.ir.http import VirtualHost
from sekisho.ir.tcp import TcpForward
from sekisho.ir.telemetry import AccessLog, Tracing
from sekisho.ir.traffic import Fault, Limits, RateLimit, Times
from sekisho.ir.transport import MutualTls
from sekisho.model.names import Origin

REDIRECTED_INBOUND, REDIRECTED_OUTBOUND = 15006, 15001
"""Ports captured connections are redirected to (as in Istio and Kuma, so that people recognise them)."""
VIRTUAL_RANGES = ("241.0.0.0/8", "242.0.0.0/8", "243.0.0.0/8", "fd5e:6b69:7368:6f::/96")
"""Where virtual addresses are from unless operators say otherwise, whichever part of it is in use: nothing
outside has an address there."""
TRANSPARENT_MARK = 0x5E02
"""On packets of the proxy to its application that carry the caller's address (`Inbound.transparent`)."""


class Inbound(Struct, frozen=True, kw_only=True, gc=False):
    """One port of the workload, as others call it."""

    name: str
    """`inbound/<port>`; listener, route configuration and cluster are called so."""
    cluster: str = ""
    """Cluster of something outside that it leads to in the place of the application; empty for that."""
    is_named: bool = False
    """Whether that cluster has host names (`TcpForward.is_named`)."""
    address: str
    """The workload's own."""
    port: int
    bound: bool
    """Whether the proxy listens there itself; else captured connections are handed over to it."""
    transparent: bool = False
    """Whether the application sees the caller's own address (TPROXY); the proxy's otherwise."""
    target_address: str
    """Where the application listens."""
    target_port: int
    protocol: Protocol
    tls: MutualTls | None
    """None only where the mesh has no identity and says so: nobody is known, nobody is refused."""
    inspected: bool
    """Whether bytes that come as TCP are read as HTTP: something here needs it."""
    permissions: Permissions
    token_issuers: tuple[TokenIssuer, ...] = ()
    """None where no condition asks for claims, or nobody is believed: then no claim holds."""
    rate_limits: tuple[Conditional[RateLimit | None], ...] = ()
    """None for callers without a bound."""
    connection_rate: RateLimit | None = None
    faults: tuple[Conditional[tuple[Fault, ...]], ...] = ()
    times: tuple[Conditional[Times], ...] = ()
    limits: Limits = Limits()
    access_logs: tuple[Conditional[tuple[AccessLog, ...]], ...] = ()
    tracing: Tracing | None = None
    origin: Origin

    @property
    def leads_to(self) -> str:
        """Name of the cluster behind it."""
        return self.cluster or self.name


class NamedShares(Struct, frozen=True, kw_only=True, gc=False):
    """Where the bytes of TLS connections go that ask for one server name."""

    hostname: str
    """Exact, or `*.suffix`; an exact one, then the longest counts."""
    shares: tuple[tuple[str, int], ...]
    """As `TcpForward.shares`."""


class Outbound(Struct, frozen=True, kw_only=True, gc=False):
    """One port of a Service (or ExternalService), as the workload calls it."""

    name: str
    """`outbound/<namespace>/<service>/<port>`; listener and route configuration are called so."""
    addresses: tuple[str, ...]
    """Where it is called: virtual addresses, or loopback addresses where nothing is captured. Sorted."""
    port: int
    bound: bool
    """Whether the proxy listens there itself; else captured connections are handed over to it."""
    tcp: TcpForward | None
    """None where HTTP is read: routes then come apart, as the `RouteTable` of the same name."""
    by_server_name: tuple[NamedShares, ...] = ()
    """In the place of `tcp.shares` for these server names; each once, sorted."""
    times: Times = Times()
    access_logs: tuple[AccessLog, ...] = ()
    tracing: Tracing | None = None
    rate_limit: RateLimit | None = None
    fault: tuple[Fault, ...] = ()
    on_demand: bool = False
    """Whether the proxy asks for a cluster that it does not know, when somebody calls."""
    origin: Origin


class RouteTable(Struct, frozen=True, kw_only=True, gc=False):
    """All routes of one outbound port: one RouteConfiguration, so that no route changes a listener."""

    name: str
    """`Outbound.name`."""
    hosts: tuple[VirtualHost, ...]
    """One, `*`: in the mesh the address was the choice of service (GEP-1324)."""
    origin: Origin


class PassthroughMatch(Struct, frozen=True, kw_only=True, gc=False):
    """Traffic to the outside that is let through (Passthrough.spec.default.appendMatch)."""

    hostnames: tuple[str, ...] = ()
    """By SNI or Host; exact or `*.suffix`."""
    ranges: tuple[str, ...] = ()
    """CIDR."""
    port: int = 0
    """0 for all."""
    protocol: str = "tcp"
    """tcp, tls, http, http2, grpc."""


class Passthrough(Struct, frozen=True, kw_only=True, gc=False):
    """What becomes of captured connections to addresses that are not of the mesh."""

    name: str = "passthrough"
    address: str = "0.0.0.0"  # noqa: S104 - connections are redirected to it, whatever they were for
    port: int = REDIRECTED_OUTBOUND
    everything: bool = False
    """Let through as it is; else only `matches`, and the rest is closed."""
    matches: tuple[PassthroughMatch, ...] = ()
    closed: tuple[str, ...] = ()
    """CIDRs that never lead outside, whatever `everything` and `matches` say: those of virtual addresses."""
    transparent: bool = False
    """TPROXY: the proxy's socket may have foreign addresses."""
    origin: Origin


class CapturedInbound(Struct, frozen=True, kw_only=True, gc=False):
    """The socket captured connections to the workload arrive at; ports without an `Inbound` are closed."""

    name: str = "inbound"
    address: str = "0.0.0.0"  # noqa: S104 - connections are redirected to it, whatever they were for
    port: int = REDIRECTED_INBOUND
    transparent: bool = False
    origin: Origin
